"""What cannot be decoded of a recording is told, and ends in the exit status, as of a run."""

import json

import av
import numpy as np
import pytest

from readtrack.commands.evaluate.command import main
from readtrack.video import VideoWriter


@pytest.fixture
def damaged(tmp_path):
    """A sequence of 40 frames, a key frame every ten, two packets of which are noise."""
    folder = tmp_path / "SEQ"
    (folder / "gt").mkdir(parents=True)
    (folder / "det").mkdir()
    rows = [f"{i},1,{10 + i},20,30,60,1,1,1\n" for i in range(1, 41)]
    (folder / "gt" / "gt.txt").write_text("".join(rows))
    (folder / "det" / "det.txt").write_text("".join(row.replace(",1,1,1\n", ",0.9\n") for row in rows))
    video = folder / "SEQ.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    with VideoWriter(video, 10) as writer:
        for i in range(40):
            writer.write(np.roll(noise, 2 * i, axis=1))
    with av.open(str(video)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(video.read_bytes())
    for start, size in (packets[13], packets[14]):
        content[start : start + size] = bytes(size)
    video.write_bytes(content)
    ini = "[Sequence]\nname=SEQ\nimDir=SEQ.mp4\nframeRate=10\nseqLength=40\nimWidth=128\nimHeight=96\nimExt=.jpg\n"
    (folder / "seqinfo.ini").write_text(ini)
    return folder


@pytest.mark.parametrize("task", ["peers", "rates", "loss"])
def test_frames_that_are_lost_end_in_the_exit_status(task, damaged, tmp_path, capsys):
    report = tmp_path / "report.json"
    who = ["--weights", "none"] if task == "loss" else ["--tracker", "readtrack-boxes"]
    rate = ["--rate", "10"] if task == "rates" else []
    assert main([task, "--source", str(damaged), *who, *rate, "--report", str(report)]) == 3
    assert json.loads(report.read_text())["lost"] == {"SEQ": 7}
    assert "SEQ: 7 frames could not be decoded" in capsys.readouterr().out
