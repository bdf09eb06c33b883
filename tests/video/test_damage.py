"""Files that are damaged: what can be decoded is, under its own number, and what is lost is told."""

import av
import cv2
import numpy as np
import pytest

from readtrack.video import VideoWriter, open_video


def noisy_video(path, count=40, fps=10):
    """A bright square that moves over noise; a key frame every ten."""
    noise = np.random.default_rng(0).integers(0, 60, (96, 128, 3), dtype=np.uint8)
    with VideoWriter(path, fps) as writer:
        for i in range(count):
            image = noise.copy()
            image[20:60, 2 * i : 2 * i + 30] = 220
            writer.write(image)
    return path


def spoil(path, *indices):
    """Overwrite the packets of some frames with noise."""
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for index in indices:
        start, size = packets[index]
        content[start : start + size] = np.random.default_rng(index).integers(0, 256, size, dtype=np.uint8).tobytes()
    path.write_bytes(content)


def test_decoding_goes_on_at_the_next_key_frame_under_the_right_numbers(tmp_path):
    path = noisy_video(tmp_path / "clip.mp4")
    whole = {frame.index: frame.image for frame in open_video(path)}
    spoil(path, 13, 14)
    video = open_video(path)
    found = {frame.index: frame.image for frame in video}
    assert sorted(found) == [*range(13), *range(20, 40)]
    assert all(np.array_equal(image, whole[index]) for index, image in found.items())
    assert video.lost == 7
    assert len(video.warnings) == 1 and "7 frames lost, the first is frame 13" in video.warnings[0]
    times = {frame.index: frame.time for frame in open_video(path)}
    assert np.allclose([times[20], times[39]], [2.0, 3.9])


def test_a_long_way_to_the_next_key_frame_is_cut_short(tmp_path):
    """After two seconds whatever the decoder makes of it is taken."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 5, (128, 96))
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    for i in range(40):
        writer.write(np.roll(noise, i, axis=1))
    writer.release()
    with av.open(str(path)) as container:
        keys = [i for i, p in enumerate(p for p in container.demux(video=0) if p.size) if p.is_keyframe]
    assert keys[:2] == [0, 12]
    spoil(path, 1)
    video = open_video(path)
    shown = [frame.index for frame in video]
    assert shown == [0, *range(10, 40)] and video.lost == 9


def test_a_damaged_start_and_end_are_told(tmp_path):
    path = noisy_video(tmp_path / "clip.mp4")
    spoil(path, 0, 35)
    video = open_video(path)
    assert [frame.index for frame in video] == [*range(10, 35)]
    assert video.lost == 15 and "ended after 35 of 40" in video.warnings[0] and "10 frames lost" in video.warnings[1]


def test_a_consumer_that_leaves_early_is_told_too(tmp_path):
    path = noisy_video(tmp_path / "clip.mp4")
    spoil(path, 3)
    video = open_video(path, end=15)
    assert [frame.index for frame in video] == [0, 1, 2, 10, 11, 12, 13, 14] and video.lost == 7


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "webm"])
def test_whole_files_of_every_container_lose_nothing(tmp_path, suffix):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "libx264")
    path = tmp_path / f"clip.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if suffix in ("mp4", "mkv", "ts"):
            stream.codec_context.max_b_frames = 2
        for i in range(30):
            image = np.full((48, 64, 3), 8 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    video = open_video(path)
    frames = list(video)
    assert [frame.index for frame in frames] == list(range(30))
    assert np.allclose([frame.image.mean() for frame in frames], 8 * np.arange(30), atol=7)
    assert np.allclose([frame.time for frame in frames], np.arange(30) / 25, atol=2e-3)
    assert video.lost == 0 and video.warnings == [] and abs(video.fps - 25) < 0.01
