"""Frames in from every kind of source, frames out to a file that outlives its process."""

import http.server
import logging
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.video import Frame, VideoWriter, open_video, read_seqinfo

SHARED = Path(__file__).parents[3] / "shared"
MOT15 = SHARED / "data" / "mot15"
STREET = SHARED / "data" / "video" / "one-by-one-person-detection.mp4"


def grey(value, width=64, height=48):
    return np.full((height, width, 3), value, np.uint8)


def make_video(path, count=12, fps=25, **size):
    """Frame i is grey of 20 * i."""
    with VideoWriter(path, fps) as writer:
        for i in range(count):
            writer.write(grey(20 * i % 256, **size))
    return path


def make_images(folder, names, **size):
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        cv2.imwrite(str(folder / name), grey(20 * i, **size))
    return folder


def make_seqinfo(folder, **entries):
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[Sequence]", *(f"{key}={value}" for key, value in entries.items())]
    (folder / "seqinfo.ini").write_text("\n".join(lines))
    return folder


def seen(video):
    """(index, brightness in steps of 20) of every frame."""
    return [(frame.index, round(float(frame.image.mean()) / 20)) for frame in video]


def refuses(source, *words, **options):
    with pytest.raises(InputError) as caught:
        list(open_video(source, **options))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


# Sources


def test_a_video_file_gives_all_frames_in_order(tmp_path):
    with open_video(make_video(tmp_path / "clip.mp4")) as video:
        assert (video.name, video.fps, video.size, video.total) == ("clip", 25, (64, 48), 12)
        assert seen(video) == [(i, i) for i in range(12)]
        assert video.warnings == []


def test_frames_are_bgr_uint8(tmp_path):
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 2] = 200
    with VideoWriter(tmp_path / "red.mp4", 10) as writer:
        writer.write(red)
    (frame,) = open_video(tmp_path / "red.mp4")
    assert isinstance(frame, Frame) and frame.image.dtype == np.uint8
    assert np.allclose(frame.image.mean((0, 1)), (0, 0, 200), atol=6)


@pytest.mark.parametrize(
    ("options", "indices"),
    [
        ({"start": 3}, range(3, 12)),
        ({"end": 5}, range(5)),
        ({"start": 2, "end": 11, "stride": 4}, range(2, 11, 4)),
        ({"stride": 5, "end": 100}, range(0, 12, 5)),
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder", "unseen"])
def test_start_end_and_stride_count_source_frames(tmp_path, kind, options, indices):
    if kind == "file":
        source = make_video(tmp_path / "clip.mp4")
    elif kind == "folder":
        source = make_images(tmp_path / "images", [f"{i}.png" for i in range(12)])
    else:
        source = make_seqinfo(tmp_path / "boxes", seqLength=12, frameRate=10)
    video = open_video(source, **options)
    frames = list(video)
    assert [frame.index for frame in frames] == list(indices)
    assert video.total == len(frames)
    if kind != "unseen":
        assert [round(f.image.mean() / 20) for f in frames] == list(indices)


def test_files_can_be_iterated_again(tmp_path):
    video = open_video(make_video(tmp_path / "clip.mp4"), start=1)
    assert next(iter(video)).index == 1
    assert len(seen(video)) == 11
    assert len(seen(video)) == 11


def test_closing_twice_is_harmless(tmp_path):
    video = open_video(make_video(tmp_path / "clip.mp4"))
    video.close()
    video.close()


def test_a_folder_of_images_is_in_natural_order_and_tells_of_its_assumed_rate(tmp_path, caplog):
    folder = make_images(tmp_path / "my images", ["f9.png", "f10.png", "f11.png"])
    (folder / "notes.txt").write_text("no image")
    (folder / "._f8.png").write_bytes(b"of another system")
    with caplog.at_level(logging.WARNING, "readtrack"), open_video(folder) as video:
        assert (video.name, video.size, video.total, video.fps) == ("my_images", (64, 48), 3, 25)
        assert seen(video) == [(0, 0), (1, 1), (2, 2)]
    assert len(video.warnings) == 1 and "25" in video.warnings[0] and video.warnings[0] in caplog.text
    assert open_video(folder, fps=7).fps == 7 and open_video(folder, fps=7).warnings == []


def test_a_glob_takes_what_matches(tmp_path):
    folder = make_images(tmp_path / "cam", ["a1.png", "b1.png", "a2.png"])
    assert seen(open_video(folder / "a*.png")) == [(0, 0), (1, 2)]
    refuses(folder / "c*.png", "c*.png", "no image matches")


def test_one_image_is_a_source_of_one_frame(tmp_path):
    folder = make_images(tmp_path / "cam", ["a1.png"])
    assert seen(open_video(folder / "a1.png")) == [(0, 0)]


def test_names_beyond_ascii_and_with_brackets(tmp_path):
    folder = make_images(tmp_path / "Straße [1]", ["bild é.png"])
    video = open_video(folder)
    assert video.name == "Straße_1" and len(seen(video)) == 1
    assert len(seen(open_video(make_video(folder / "vidéo 1.mp4")))) == 12


def test_grey_alpha_and_deep_images_become_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64), 100, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((48, 64, 4), 100, np.uint8))
    cv2.imwrite(str(tmp_path / "3.png"), np.full((48, 64, 3), 100 * 257, np.uint16))
    for frame in open_video(tmp_path):
        assert frame.image.shape == (48, 64, 3) and frame.image.dtype == np.uint8
        assert (frame.image == 100).all()


def test_images_of_differing_sizes_become_as_large_as_the_first(tmp_path):
    make_images(tmp_path, ["1.png"])
    cv2.imwrite(str(tmp_path / "2.png"), grey(0, 30, 20))
    video = open_video(tmp_path)
    assert video.size == (64, 48)
    assert [f.image.shape[:2] for f in video] == [(48, 64), (48, 64)]
    assert "stretched to the first one's, 64 x 48 pixels" in " ".join(video.warnings)


def test_a_broken_image_is_skipped_and_named_once(tmp_path):
    folder = make_images(tmp_path / "cam", ["0.png", "1.png", "2.png", "3.png"])
    (folder / "0.png").write_bytes(b"")
    (folder / "2.png").write_bytes(b"not a picture")
    video = open_video(folder, fps=10)
    assert [i for i, _ in seen(video)] == [1, 3]
    assert len(seen(video)) == 2
    assert len(video.warnings) == 2
    assert "0.png" in video.warnings[0] and "2.png" in video.warnings[1]


def test_a_folder_of_broken_images_is_refused(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no")
    refuses(tmp_path, "1.jpg", "decoded")


# MOT sequences


def test_a_mot_sequence_with_images(tmp_path):
    folder = make_seqinfo(tmp_path / "S", name="Seq-1", imDir="frames", frameRate=14, seqLength=3, imExt=".png")
    make_images(folder / "frames", ["000001.png", "000002.png", "000003.png"])
    cv2.imwrite(str(folder / "frames" / "mask.jpg"), grey(0))
    video = open_video(folder)
    assert (video.name, video.fps, video.total, video.warnings) == ("Seq-1", 14, 3, [])
    assert seen(video) == [(0, 0), (1, 1), (2, 2)]


def test_a_mot_sequence_that_lacks_images_says_so(tmp_path):
    folder = make_seqinfo(tmp_path / "S", frameRate=14, seqLength=5)
    make_images(folder / "img1", ["000001.jpg"])
    video = open_video(folder)
    assert video.total == 1 and "5" in video.warnings[0]


def test_a_mot_sequence_without_pixels(tmp_path):
    video = open_video(make_seqinfo(tmp_path / "S", frameRate=30, seqLength=4, imWidth=1920, imHeight=1080))
    assert (video.name, video.fps, video.size, video.total) == ("S", 30, (1920, 1080), 4)
    assert list(video) == [Frame(i, None, i / 30) for i in range(4)]


def test_a_mot_sequence_with_its_video_beside(tmp_path):
    folder = make_seqinfo(tmp_path / "S", frameRate=14, seqLength=12)
    make_video(folder / "S.mp4")
    video = open_video(folder)
    assert video.fps == 14 and len(seen(video)) == 12


def test_a_mot_sequence_with_nothing(tmp_path):
    refuses(make_seqinfo(tmp_path / "S", frameRate=14), "seqLength")


def test_seqinfo_is_read_leniently(tmp_path):
    info = read_seqinfo(make_seqinfo(tmp_path / "S", frameRate="fast", seqLength="-3", imWidth=640))
    assert (info.name, info.fps, info.length, info.size, info.extension) == ("S", None, None, None, ".jpg")
    assert info.image_folder == tmp_path / "S" / "img1"
    (tmp_path / "S" / "seqinfo.ini").write_text("\ufeffname=A%B\nframeRate=29.97\n")
    assert (read_seqinfo(tmp_path / "S").name, read_seqinfo(tmp_path / "S").fps) == ("A%B", 29.97)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"a\nb\n"])
def test_an_unreadable_seqinfo_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "seqinfo.ini").write_bytes(content)
    with pytest.raises(InputError, match=r"seqinfo\.ini"):
        read_seqinfo(tmp_path)


# What is wrong


def test_what_is_not_there_or_no_video_is_refused(tmp_path):
    refuses(tmp_path / "none.mp4", "none.mp4", "no such file")
    refuses(tmp_path, "no images")
    refuses("~nobody-of-that-name/x.mp4", "~nobody")
    refuses("x" * 5000, "xxx")
    for name, content in [("a.mp4", b""), ("b.mp4", os.urandom(2000)), ("c.txt", b"1,2,3\n" * 50)]:
        (tmp_path / name).write_bytes(content)
        refuses(tmp_path / name, name, "no frame can be decoded")
    whole = make_video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[:40])
    refuses(tmp_path / "half.mp4", "half.mp4")


def test_a_broken_video_is_refused_without_a_decoder_s_chatter(tmp_path):
    """In a process of its own: how much FFmpeg says is settled by the first video that anybody opens in a process."""
    whole = make_video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[:40])
    opened = f"from readtrack.video import open_video\ntry: open_video({str(tmp_path / 'half.mp4')!r})\n"
    code = opened + "except ValueError: print('refused')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


@pytest.mark.parametrize(
    "options",
    [
        {"start": -1},
        {"stride": 0},
        {"start": 5, "end": 5},
        {"end": 0},
        {"end": -4},
        {"start": 1.5},
        {"stride": 2.0},
        {"start": 12},
        {"fps": 0},
        {"fps": math.nan},
    ],
)
def test_wrong_options_are_refused(tmp_path, options):
    refuses(make_video(tmp_path / "clip.mp4"), **options)


def test_a_truncated_video_ends_with_a_warning(tmp_path, caplog):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(50):
        writer.write(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = open_video(path)
    with caplog.at_level(logging.WARNING, "readtrack"):
        count = len(list(video))
    assert 10 < count < 40
    assert len(video.warnings) == 1 and f"ended after {count} of 50 frames" in video.warnings[0]
    assert video.lost == 50 - count
    assert video.warnings[0] in caplog.text
    assert list(open_video(path, end=5))[-1].index == 4


def test_phone_videos_stand_upright(tmp_path):
    path = make_video(tmp_path / "phone.mp4")
    content = bytearray(path.read_bytes())
    matrix = content.rindex(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(content)
    video = open_video(path)
    assert video.size == (48, 64)
    assert next(iter(video)).image.shape == (64, 48, 3)


# Cameras and streams


class FakeCamera:
    """Gives ``count`` frames, then is gone."""

    count = 7
    fps = 0.0

    def __init__(self, *args):
        self.at = -1

    def isOpened(self):  # noqa: N802
        return True

    def grab(self):
        self.at += 1
        return self.at < self.count

    def retrieve(self):
        return True, grey(20 * self.at)

    def read(self):
        return self.retrieve() if self.grab() else (False, None)

    def get(self, what):
        return {cv2.CAP_PROP_FRAME_COUNT: -1.0, cv2.CAP_PROP_FPS: self.fps}.get(what, 0.0)

    def release(self):
        pass


@pytest.mark.parametrize("source", [0, "2"])
def test_cameras_have_no_end_until_they_go_away(monkeypatch, source):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    with open_video(source, start=1, stride=2, buffer=True) as video:
        assert video.total is None and video.fps == 25 and video.size == (64, 48)
        assert seen(video) == [(1, 1), (3, 3), (5, 5)]
    assert "/" not in video.name and "ended after 7 frames" in " ".join(video.warnings)
    assert seen(open_video(source, end=2, buffer=True)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("fps", [0.0, -1.0, 90000.0, math.nan, math.inf])
def test_an_absurd_frame_rate_becomes_25(monkeypatch, fps):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    monkeypatch.setattr(FakeCamera, "fps", fps)
    video = open_video(0)
    assert video.fps == 25 and "frame rate" in video.warnings[0]
    assert open_video(0, fps=12).fps == 12 and open_video(0, fps=12).warnings == []


def test_an_absent_camera_is_refused():
    refuses(63, "camera63", "no picture")


def test_unreachable_streams_are_refused_in_time():
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        refuses(f"http://127.0.0.1:{port}/x.mp4", "no picture", timeout=1)
        refuses(f"rtsp://me:secret@127.0.0.1:{port}/x?token=1", "rtsp://***@127.0.0.1", "?***", timeout=1)
    refuses(f"http://127.0.0.1:{port}/x.mp4", "no picture")
    refuses("rtsp://nowhere.invalid/x", "nowhere.invalid")
    assert time.monotonic() - start < 10


def test_a_video_is_read_from_an_http_address(tmp_path):
    make_video(tmp_path / "clip.mp4")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_video(f"http://127.0.0.1:{server.server_port}/clip.mp4") as video:
            assert [i for i, _ in seen(video)] == list(range(12))
        server.shutdown()


# The writer


def test_what_is_written_plays_in_browsers(tmp_path):
    path = make_video(tmp_path / "out.mp4", count=60, fps=30000 / 1001)
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate.numerator == 30000 and stream.average_rate.denominator == 1001
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    assert len(times) == 60
    assert all(math.isclose(b - a, 1001 / 30000, rel_tol=1e-3) for a, b in zip(times, times[1:], strict=False))
    video = open_video(path)
    assert video.total == 60 and math.isclose(video.fps, 29.97, abs_tol=0.01)


@pytest.mark.parametrize("fps", [0.5, 1, 12.5, 29.97, 240])
def test_frame_rates_survive(tmp_path, fps):
    assert math.isclose(open_video(make_video(tmp_path / "out.mp4", 5, fps)).fps, fps, rel_tol=1e-3)


def test_odd_sizes_grow_by_one(tmp_path):
    assert open_video(make_video(tmp_path / "out.mp4", 2, width=63, height=47)).size == (64, 48)
    assert open_video(make_video(tmp_path / "tiny.mp4", 2, width=1, height=1)).size == (2, 2)


def test_other_sizes_are_letterboxed_into_the_first(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10) as writer:
        for image in (grey(200, 64, 48), grey(200, 48, 48), grey(200, 640, 48), grey(200, 1, 500)):
            writer.write(image)
    first, square, wide, thin = (f.image.astype(int) for f in open_video(tmp_path / "out.mp4"))
    assert first.min() > 190
    assert square[24, 32].min() > 180 and square[:, :6].max() < 20 and square[:, -6:].max() < 20
    assert wide.shape == thin.shape == (48, 64, 3)


def test_images_that_are_views_are_written(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10) as writer:
        writer.write(grey(100, 128, 96)[::2, ::-2])
    assert open_video(tmp_path / "out.mp4").size == (64, 48)


@pytest.mark.parametrize(
    "image",
    [
        None,
        "x",
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
    ],
)
def test_what_is_no_image_is_refused_and_the_rest_survives(tmp_path, image):
    with VideoWriter(tmp_path / "out.mp4", 10) as writer:
        writer.write(grey(50))
        with pytest.raises(InputError, match=r"out\.mp4"):
            writer.write(image)
        writer.write(grey(50))
    assert len(list(open_video(tmp_path / "out.mp4"))) == 2


def test_no_frame_no_file(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf, 1e6])
def test_a_senseless_rate_is_refused(tmp_path, fps):
    with pytest.raises(InputError, match="fps"):
        VideoWriter(tmp_path / "out.mp4", fps)


def test_an_unwritable_path_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "none" / "out.mp4", tmp_path / "file" / "out.mp4", tmp_path):
        with pytest.raises(InputError, match="cannot be written"), VideoWriter(path, 10) as writer:
            writer.write(grey(0))


def test_the_file_is_whole_after_an_exception(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", 10) as writer:
        for _ in range(5):
            writer.write(grey(0))
        raise KeyboardInterrupt
    assert open_video(tmp_path / "out.mp4").total == 5
    with pytest.raises(InputError, match="closed"):
        writer.write(grey(0))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_the_file_of_a_killed_process_plays(tmp_path):
    program = """
import sys, numpy as np
from readtrack.video import VideoWriter
writer = VideoWriter(sys.argv[1], 10)
for i in range(10**6):
    writer.write(np.full((48, 64, 3), i % 200, np.uint8))
    print(i, flush=True)
"""
    path = tmp_path / "out.mp4"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        written = next(int(line) for line in process.stdout if int(line) >= 45)
        process.kill()
    count = len(list(open_video(path)))
    assert written - 15 <= count  # one second is lost at most, and what lay in the encoder


# Real ones


@pytest.mark.data
@pytest.mark.skipif(not MOT15.exists(), reason="needs MOT15 sequences beside the checkout")
@pytest.mark.parametrize(
    ("name", "fps", "size", "total", "pixels"),
    [
        ("TUD-Campus", 25, (640, 480), 71, True),
        ("TUD-Stadtmitte", 25, (640, 480), 179, True),
        ("Venice-2", 30, (1920, 1080), 600, False),
    ],
)
def test_real_sequences(name, fps, size, total, pixels):
    with open_video(MOT15 / name) as video:
        assert (video.name, video.fps, video.size, video.total) == (name, fps, size, total)
        frames = [(frame.index, frame.image is not None) for frame in video]
    assert frames == [(i, pixels) for i in range(total)] and video.warnings == []


@pytest.mark.data
@pytest.mark.skipif(not STREET.exists(), reason="needs a filmed street beside the checkout")
def test_a_real_video():
    with open_video(STREET, start=100, end=140, stride=10) as video:
        assert (video.fps, video.size, video.total) == (10, (768, 432), 4)
        assert [frame.index for frame in video] == [100, 110, 120, 130]
