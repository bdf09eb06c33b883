"""No command removes or replaces what it reads, wherever that lies and whatever it is called."""

from importlib import import_module

import cv2
import numpy as np
import pytest

from readtrack.__main__ import COMMANDS
from readtrack.read.checkpoint import save_checkpoint
from readtrack.video import VideoWriter


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_model):
    """A folder in which everything that is read bears the name of something that is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / "crops" / "1").mkdir(parents=True)
    (tmp_path / "seq" / "gt").mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    with VideoWriter("out/tracks.mp4", 25) as video:
        for number in range(3):
            video.write(image)
            cv2.imwrite(f"out/crops/1/{number:06d}.jpg", image)
    rows = "".join(f"{frame},1,20,20,30,80,1\n" for frame in (1, 2, 3))
    for file in ("out/tracks.txt", "other.txt", "seq/gt/gt.txt"):
        (tmp_path / file).write_text(rows)
    for file in ("best.safetensors", "second.safetensors", "net.onnx"):
        save_checkpoint(tmp_path / file, tiny_model, {})
    (tmp_path / "link.safetensors").symlink_to("best.safetensors")
    return tmp_path


def main(line):
    """The exit status of a command line."""
    word, *flags = line.split()
    assert word in COMMANDS
    return import_module(f"readtrack.commands.{word}").main(flags)


TRACK = "track --weights none --out out --overwrite"
TRAIN = "train --root seq --device cpu --out . --overwrite"


@pytest.mark.parametrize(
    "line",
    [
        f"{TRACK} out/tracks.mp4 --detections other.txt",
        f"{TRACK} out/../out/tracks.mp4 --detections other.txt --no-video",
        f"{TRACK} out/crops/1 --detections other.txt",
        f"{TRACK} out/crops/1/000000.jpg --detections other.txt",
        f"{TRACK} street --detections out/tracks.txt",
        "relink other.txt --source out/tracks.mp4 --out out/tracks.mp4",
        "relink other.txt --source out/tracks.mp4 --out other.txt",
        "relink other.txt --source out/tracks.mp4 --ground-truth seq/gt/gt.txt --out seq/gt/gt.txt",
        "relink other.txt --source out/tracks.mp4 --weights best.safetensors --out best.safetensors",
        "export --weights net.onnx --out net.onnx --overwrite",
        "average best.safetensors second.safetensors --root seq --out second.safetensors",
        "average best.safetensors second.safetensors --root seq --out link.safetensors",
        "convert net.onnx --out net.onnx --overwrite",
        f"{TRAIN} --init best.safetensors",
        f"{TRAIN} --recipe read-s --teacher link.safetensors",
        "evaluate mot --ground-truth seq --results other.txt --report other.txt",
        "evaluate mot --ground-truth seq --results other.txt --report seq/gt/gt.txt",
        "evaluate gaps --source seq --tracker readtrack-boxes --detections other.txt --report other.txt",
    ],
)
def test_what_is_read_stays(place, line, capsys):
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert main(line) == 2
    assert "is read: write elsewhere" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_an_earlier_run_beside_its_source_is_replaced(place, capsys):
    source = place / "out" / "clip.mp4"
    (place / "out" / "tracks.mp4").rename(source)
    line = "track out/clip.mp4 --detections other.txt --weights none --out out --overwrite --quiet"
    assert main(line) == 0
    assert source.is_file() and (place / "out" / "tracks.mp4").is_file() and not (place / "out" / "crops").exists()
