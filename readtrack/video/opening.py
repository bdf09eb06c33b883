"""Which source a path or an address names."""

import glob
import os
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from readtrack.errors import InputError
from readtrack.video.seqinfo import read_seqinfo
from readtrack.video.source import Source
from readtrack.video.stills import Stills, Unseen, find_images
from readtrack.video.streams import Camera, Stream
from readtrack.video.videofile import VideoFile

STREAMS = r"(rtsps?|https?|rtmps?|rtp|udp|tcp|srt)://"
FILE = "file://"
CAMERA = r"/dev/video\d+"


def open_source(source: str | Path | int, timeout: float, wait: float) -> Source:
    """Find out what ``source`` names and open it; an InputError says why that fails."""
    text = str(source)
    if isinstance(source, str) and not source.strip():
        raise InputError("the source is empty: name a video, a folder, a camera or an address")
    if re.match(STREAMS, text, re.IGNORECASE):
        return Stream(text, timeout, wait)
    path = _path(text)
    if path.exists():
        return _open_path(path)
    if re.fullmatch(r"\d+", text):
        return Camera(int(text))
    if glob.has_magic(text):
        found = find_images(map(Path, _matches(path)))
        if found:
            return Stills(found, found[0].resolve().parent.name)
        raise InputError(f"{text}: no image matches: check the pattern, and quote it from the shell")
    if "://" in text and not text.lower().startswith(FILE):
        raise InputError(f"{text}: is of no known protocol: pass a path, or an rtsp, http, rtmp, udp or srt address")
    raise InputError(f"{text}: no such file or folder: check the path")


def _open_path(path: Path) -> Source:
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        return Stills([path], path.stem) if find_images([path]) else VideoFile(path, path.stem)
    if re.fullmatch(CAMERA, str(path)):
        return Camera(str(path))
    raise InputError(f"{path}: is {_kind(path)}: pass a file, a folder, a camera's number or an address")


def _path(text: str) -> Path:
    """The path that is meant, of itself, as file:// address or from a user's home."""
    if text.lower().startswith(FILE):
        return Path(url2pathname(urlsplit(text.replace("?", "%3F").replace("#", "%23")).path))
    return Path(text) if os.path.lexists(text) else Path(text).expanduser()


def _matches(pattern: Path) -> list[str]:
    """Files that a pattern names; brackets of a folder that there is are no pattern."""
    found = glob.glob(str(pattern), recursive=True)
    if not found and pattern.parent.is_dir():
        found = glob.glob(str(Path(glob.escape(str(pattern.parent))) / pattern.name), recursive=True)
    return found


def _kind(path: Path) -> str:
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device that is no camera" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "neither file nor folder"


def _open_folder(folder: Path) -> Source:
    name = folder.resolve().name
    if not (folder / "seqinfo.ini").is_file():
        if found := find_images(folder.iterdir()):
            return Stills(found, name, numbered=name == "img1")
        raise InputError(f"{folder}: holds no images: pass an image folder, a video or a MOT sequence")
    info = read_seqinfo(folder)
    found = find_images(info.image_folder.iterdir()) if info.image_folder.is_dir() else []
    found = [path for path in found if path.suffix.lower() == info.extension.lower()] or found
    if found:
        stills = Stills(found, info.name, info.fps, numbered=True)
        if info.length not in (None, len(found)):
            stills.notes.append(f"{folder}: holds {len(found)} images, seqinfo.ini says {info.length} frames")
        return stills
    for video in (folder / f"{name}.mp4", folder / f"{info.name}.mp4"):
        if video.is_file():
            return VideoFile(video, info.name, info.fps)
    if info.length is None:
        raise InputError(f"{folder}: has neither images nor a seqLength in seqinfo.ini: add one of them")
    return Unseen(info, info.length)
