"""Bad inputs, made on purpose and by a seed: each must be refused in one line, or taken with a whole result."""

import http.server
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.errors import InputError, first_line
from readtrack.mot import read_mot, read_truth
from readtrack.offline import OfflineTracker
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig
from readtrack.video import VideoWriter, open_video

SIZE = (160, 120)  # width, height in pixels
LENGTH = 30  # frames
KINDS = {  # what is handed in, and how often of a hundred
    "boxes": 22,
    "frames": 15,
    "detections": 20,
    "truth": 15,
    "video": 12,
    "images": 7,
    "weights": 7,
    "streams": 2,
}
WORDS = ("nan", "inf", "-inf", "", "x", "1e400", "-1", "0", "1,5", "0x10", "9" * 30, "\u0661", "1e-300", "\x00", "-0")


@dataclass
class Tally:
    """What became of inputs of one kind."""

    refused: int = 0  # with one line
    taken: int = 0  # with a result that holds together
    faults: list[str] = field(default_factory=list)  # what else happened, by number


def try_inputs(count: int, seed: int, folder: Path, step: Callable[[], None] = lambda: None) -> dict[str, Tally]:
    """Hand in so many bad inputs, each of a kind drawn by ``KINDS``."""
    folder.mkdir(parents=True)
    make_whole(folder)
    tallies = {kind: Tally() for kind in KINDS}
    with _server(folder) as address:
        for number in range(count):
            rng = random.Random(seed * 1_000_003 + number)
            kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
            tally = tallies[kind]
            try:
                wrong = TRIALS[kind](rng, folder, address)
            except InputError as error:
                wrong = "" if str(error) and "\n" not in str(error) else f"an error of several lines: {error!r}"
                tally.refused += not wrong
            except Exception as error:  # the very thing that is looked for
                wrong = f"{type(error).__name__}: {first_line(error)}"
            else:
                tally.taken += not wrong
            if wrong:
                tally.faults.append(f"{number}: {wrong}")
            step()
    return tallies


def make_whole(folder: Path) -> None:
    """What is then spoilt: a video, images, files of boxes, weights."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    with VideoWriter(folder / "whole.mp4", 25) as video:
        for number in range(LENGTH):
            video.write(np.roll(noise, 3 * number, axis=1))
    with av.open(str(folder / "whole.ts"), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(2 * LENGTH):
            image = np.roll(noise, 3 * number, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    for suffix in (".jpg", ".png"):
        cv2.imwrite(str(folder / f"whole{suffix}"), noise)
    lines = [f"{frame},{i},{20 + frame + 50 * i},20,30,80,{0.5 + i / 8:.2f}" for frame in range(1, 31) for i in (1, 2)]
    (folder / "whole.txt").write_text("\n".join(lines) + "\n")
    import torch

    from readtrack.read.checkpoint import save_checkpoint
    from readtrack.read.config import ReadConfig
    from readtrack.read.model import Read

    torch.manual_seed(0)
    shape = ReadConfig("mobilenet_v2", height=64, width=32, clip_length=2, theta_dim=4, phi_dim=6, feature_dim=8)
    save_checkpoint(folder / "whole.safetensors", Read(shape).eval(), {})


def spoil(content: bytes, rng: random.Random) -> bytes:
    """Bytes as disks, networks and people leave them."""
    data, place = bytearray(content), rng.randrange(max(1, len(content)))
    length = rng.randrange(1, max(2, len(data) // 4))
    way = rng.randrange(7)
    if way == 0:
        return bytes(data[:place])
    if way == 1:
        data[place : place + length] = rng.randbytes(length)
    elif way == 2:
        data[place : place + length] = bytes(length)
    elif way == 3:
        del data[place : place + length]
    elif way == 4:
        for _ in range(rng.randrange(1, 50)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 5:
        data[place:place] = rng.randbytes(length)
    else:
        return rng.randbytes(rng.randrange(200))
    return bytes(data)


def spoil_rows(text: str, rng: random.Random) -> bytes:
    """Rows as people and programs write them."""
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 3, 20))):
        row = rng.randrange(len(lines))
        cells = lines[row].split(",")
        cell = rng.randrange(len(cells))
        way = rng.randrange(7)
        if way <= 1:
            cells[cell] = rng.choice(WORDS)
        elif way == 2:
            del cells[cell:]
        elif way == 3:
            cells += ["1"] * rng.randrange(1, 12)
        elif way == 4:
            cells[cell] = str(rng.uniform(-1, 1) * 10 ** rng.randrange(-8, 12))
        elif way == 5:
            lines.append(lines[row])
        lines[row] = (rng.choice((";", " ", "\t", ",,")) if way == 6 else ",").join(cells)
    content = rng.choice(("\n", "\n", "\r\n", "\n\n")).join(lines).encode()
    return rng.choice((content, content, b"\xef\xbb\xbf" + content, spoil(content, rng)))


def _try_rows(rng: random.Random, folder: Path, _: str) -> str:
    file = folder / "spoilt.txt"
    file.write_bytes(spoil_rows((folder / "whole.txt").read_text(), rng))
    for frame, people in read_mot(file, SIZE, LENGTH).items():
        wrong = _odd(people, frame)
        if people.confidence is None or not ((people.confidence >= 0) & (people.confidence <= 1)).all():
            wrong = wrong or f"confidences {people.confidence}"
        if wrong:
            return wrong
    return ""


def _try_truth(rng: random.Random, folder: Path, _: str) -> str:
    file = folder / "spoilt.txt"
    file.write_bytes(spoil_rows((folder / "whole.txt").read_text(), rng))
    for frame, people in read_truth(file).items():
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        if wrong := _odd(people, 0) or ("" if frame >= 0 and len(set(ids)) == len(people) else f"ids {ids}"):
            return wrong
    return ""


def _odd(people: sv.Detections, frame: int) -> str:
    """What is wrong with boxes that were read."""
    xyxy = np.asarray(people.xyxy, np.float64)
    if not np.isfinite(xyxy).all() or (xyxy[:, 2:] < xyxy[:, :2]).any():
        return f"boxes {xyxy.tolist()}"
    return "" if 0 <= frame <= LENGTH else f"frame {frame}"  # a length may be an estimate


def _try_boxes(rng: random.Random, *_: Any) -> str:
    tracker, refused = rng.choice((ReadTracker, OfflineTracker))(None), None
    for _step in range(4):
        given = _detections(rng)
        try:
            people = tracker.update(given, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        except InputError as error:  # and then it goes on
            refused = error
            continue
        ids = [] if people.tracker_id is None else people.tracker_id.tolist()
        known = [one for one in ids if one != -1]
        if len(ids) != len(given.xyxy) or len(set(known)) < len(known) or min(known, default=1) < 1:
            return f"ids {ids} of {len(given.xyxy)} boxes"
    if refused is not None:
        raise refused
    return ""


def _detections(rng: random.Random) -> Any:
    """Detections, most of them odd; some are none."""
    count = rng.choice((0, 1, 3, 40))
    draw = np.random.default_rng(rng.randrange(2**32))
    corner = draw.uniform(-50, 200, (count, 2))
    xyxy = np.concatenate([corner, corner + draw.uniform(-5, 90, (count, 2))], axis=1)
    odd = (np.nan, np.inf, -np.inf, 1e30, -1e300, 0.0, 1e-300)
    for _ in range(rng.choice((0, 1, 9)) if count else 0):
        xyxy[rng.randrange(count), rng.randrange(4)] = rng.choice(odd)
    confidence: Any = draw.random(count)
    if count and rng.random() < 0.3:
        confidence[rng.randrange(count)] = rng.choice((np.nan, np.inf, -1, 7, 1.0))
    found = boxes.detections_of(xyxy, confidence)
    way = rng.randrange(14)
    if way == 0:
        return rng.choice(
            (None, "a.jpg", 5, xyxy, xyxy.tolist(), (found,), {"xyxy": xyxy}, np.zeros((9, 9, 3), np.uint8))
        )
    with np.errstate(all="ignore"):
        half = xyxy.astype(np.float16)
    changes: dict[int, Any] = {
        1: half,
        2: np.zeros((count, rng.randrange(7))),
        3: xyxy.ravel(),
        4: xyxy.tolist(),
        5: xyxy.astype(object),
        6: xyxy.astype(complex),
    }
    if way in changes:
        found.xyxy = changes[way]
    elif way == 7:
        found.confidence = draw.random(rng.randrange(5))
    elif way == 8:
        found.confidence = None
    return found


def _try_frames(rng: random.Random, *_: Any) -> str:
    tracker = ReadTracker(None, TrackerConfig(delay=rng.choice((0.0, 2.0))))
    box = sv.Detections(np.array([[10.0, 10, 50, 100]]), confidence=np.array([0.9]))
    refused = None
    for _step in range(3):
        shape = rng.choice(
            ((120, 160, 3), (120, 160, 3), (0, 0, 3), (1, 1, 3), (120, 160), (120, 160, 4), (3, 120, 160))
        )
        kind = rng.choice((np.uint8, np.uint8, np.uint8, np.float32, np.int64, bool))
        image: Any = np.zeros(shape, kind)
        if rng.random() < 0.2:
            image = rng.choice((None, "frame.jpg", 5, image.tolist(), box, image[::-1, ::2], b"\xff\xd8"))
        try:
            if len(tracker.update(box, image)) != 1:
                return "a box is gone"
        except InputError as error:
            refused = error
    if refused is not None:
        raise refused
    return ""


def _try_video(rng: random.Random, folder: Path, _: str) -> str:
    file = folder / f"spoilt{rng.choice(('.mp4', '.mkv', '.avi', ''))}"
    file.write_bytes(spoil((folder / "whole.mp4").read_bytes(), rng))
    return _watch(file)


def _watch(source: str | Path, **options: Any) -> str:
    with open_video(source, **options) as video:
        seen = [(frame.index, frame.time, frame.image) for frame in video]
        indices, times = [index for index, *_ in seen], [time or 0.0 for _, time, _ in seen]
        if sorted(set(indices)) != indices or sorted(times) != times or any(image is None for *_, image in seen):
            return f"frames {indices} at {times}"
        told = video.lost or video.gone or video.warnings
        return "" if told or len(seen) in (LENGTH, video.length) else f"{len(seen)} frames without a word"


def _try_images(rng: random.Random, folder: Path, _: str) -> str:
    place = Path(tempfile.mkdtemp(dir=folder))
    suffix = rng.choice((".jpg", ".png"))
    whole = (folder / f"whole{suffix}").read_bytes()
    for number in range(3):
        name = rng.choice((f"{number}", f"{number:06d}", f"img ({number})", f"{5 * number}"))
        (place / f"{name}{suffix}").write_bytes(whole if rng.random() < 0.4 else spoil(whole, rng))
    count = len(list(place.iterdir()))
    with open_video(place, fps=25) as video:
        seen = len(list(video))
        return "" if seen + video.lost == count else f"{seen} and {video.lost} lost of {count} images"


def _try_weights(rng: random.Random, folder: Path, _: str) -> str:
    from readtrack.read.checkpoint import load_checkpoint

    file = folder / "spoilt.safetensors"
    file.write_bytes(spoil((folder / "whole.safetensors").read_bytes(), rng))
    model, _about = load_checkpoint(file)
    finite = all(bool(value.isfinite().all()) for value in model.state_dict().values())
    return "" if finite else "weights that are not finite"


def _try_streams(rng: random.Random, folder: Path, address: str) -> str:
    whole = (folder / "whole.ts").read_bytes()
    (folder / "stream").write_bytes(whole if rng.random() < 0.2 else spoil(whole, rng))
    begun = time.monotonic()
    wrong = _watch(f"{address}/stream", timeout=1, end=LENGTH)
    return wrong or ("" if time.monotonic() - begun < 20 else "no end within 20 s")


TRIALS: dict[str, Callable[[random.Random, Path, str], str]] = {
    "boxes": _try_boxes,
    "frames": _try_frames,
    "detections": _try_rows,
    "truth": _try_truth,
    "video": _try_video,
    "images": _try_images,
    "weights": _try_weights,
    "streams": _try_streams,
}


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """An HTTP server of the folder's files on this computer."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Whoever hangs up early is no fault."""

    server = Server(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
