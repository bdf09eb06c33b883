"""Times: of containers whose rate varies, of those that are told one, and of what is written."""

import logging
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from readtrack.video import VideoWriter, open_video

TIMES = [0, 0.04, 0.08, 0.2, 0.7, 0.74, 2.5, 2.6, 2.601, 4.0]


def varying(path, times=TIMES):
    """A file whose frames come at those times, as a phone or a screen recorder writes it; frame i is grey of 20 i."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".mp4"])
def test_varying_rates_give_the_container_s_times(tmp_path, suffix):
    frames = list(open_video(varying(tmp_path / f"phone{suffix}")))
    assert [frame.index for frame in frames] == list(range(len(TIMES)))
    assert np.allclose([frame.time for frame in frames], TIMES, atol=1.5e-3)


def test_the_video_written_keeps_the_times(tmp_path):
    source = open_video(varying(tmp_path / "phone.mkv"))
    with VideoWriter(tmp_path / "out.mp4", source.fps) as writer:
        for frame in source:
            writer.write(frame.image, frame.time)
    video = open_video(tmp_path / "out.mp4")
    assert np.allclose([frame.time for frame in video], TIMES, atol=1.5e-3)
    assert video.lost == 0 and video.warnings == []


def test_written_times_begin_at_0_and_grow(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10) as writer:
        for time in (7.5, 7.7, 7.7, 7.0, 9.0, None):
            writer.write(np.zeros((48, 64, 3), np.uint8), time)
    times = [frame.time for frame in open_video(tmp_path / "out.mp4")]
    assert times[0] == 0 and np.all(np.diff(times) > 0)
    assert np.allclose(times, [0, 0.2, 0.2, 0.2, 1.5, 1.6], atol=1e-3)


def test_a_rate_that_is_given_outdoes_the_container(tmp_path):
    path = varying(tmp_path / "phone.mkv")
    video = open_video(path, fps=5, start=2, stride=3)
    assert video.fps == 5 and [frame.time for frame in video] == [2 / 5, 5 / 5, 8 / 5]
    folder = tmp_path / "S"
    folder.mkdir()
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=S\nframeRate=20\n")
    varying(folder / "S.mp4")
    assert [frame.time for frame in open_video(folder)] == [i / 20 for i in range(len(TIMES))]


def test_image_folders_have_the_times_of_their_rate_which_is_told_where_assumed(tmp_path, caplog):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros((48, 64, 3), np.uint8))
    assert [frame.time for frame in open_video(tmp_path, fps=10)] == [0, 0.1, 0.2]
    with caplog.at_level(logging.WARNING, "readtrack"):
        assert [frame.time for frame in open_video(tmp_path)] == [0, 1 / 25, 2 / 25]
    assert len(caplog.records) == 1 and "25 a second" in caplog.text


def test_times_grow_where_a_container_s_clock_jumps_back(tmp_path):
    """As in recordings that were glued together."""
    for name in ("a", "b"):
        varying(tmp_path / f"{name}.ts", [0, 0.1, 0.2, 0.3])
    (tmp_path / "glued.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    times = [frame.time for frame in open_video(tmp_path / "glued.ts")]
    assert len(times) == 8 and np.all(np.diff(times) > 0) and times[-1] < 2
