"""What is live: the newest frame first, or every one."""

import threading
import time

import numpy as np
import pytest

from readtrack.video import Frame
from readtrack.video.frames import Video
from readtrack.video.source import Source

PAUSE = 0.01  # seconds between the camera's frames


class FakeCamera(Source):
    """Gives frames at its own pace."""

    live, name, fps, size, length = True, "camera", 25.0, (4, 4), None

    def __init__(self, count=60, broken=False):
        self.notes, self.count_, self.broken, self.closed, self.position = [], count, broken, False, 0

    def frames(self, steps, warn):
        begin = time.monotonic()
        while self.position < self.count_:
            assert not self.closed
            index, self.position = self.position, self.position + 1
            yield Frame(index, np.full((4, 4, 3), index, np.uint8), time.monotonic() - begin)
            time.sleep(PAUSE)
        if self.broken:
            raise OSError("unplugged")

    def close(self):
        self.closed = True


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "frames"]


def watch(video, seconds):
    seen = []
    for frame in video:
        assert frame.image[0, 0, 0] == frame.index
        seen.append(frame.index)
        time.sleep(seconds)
    return seen


def test_who_is_slow_gets_the_newest_and_is_told_what_was_left_out():
    video = Video(FakeCamera(), range(10**6), buffer=False)
    seen = watch(video, 6 * PAUSE)
    assert seen == sorted(set(seen)) and seen[-1] == 59 and len(seen) < 30
    assert video.dropped == 60 - len(seen)
    assert video.warnings == [f"camera: {video.dropped} frames left out, which came while others were worked on"]
    assert 20 < video.measured <= 1 / PAUSE and not readers()


def test_a_buffer_keeps_all():
    video = Video(FakeCamera(20), range(10**6), buffer=True)
    assert watch(video, 2 * PAUSE) == list(range(20)) and video.dropped == 0 and video.warnings == []


def test_who_is_fast_enough_misses_nothing():
    video = Video(FakeCamera(20), range(10**6), buffer=False)
    assert len(watch(video, 0)) + video.dropped == 20


def test_leaving_ends_the_thread_and_lets_go():
    camera = FakeCamera()
    with Video(camera, range(10**6), buffer=False) as video:
        for frame in video:
            if frame.index >= 3:
                break
        assert not camera.closed
    assert camera.closed and not readers()


def test_what_goes_wrong_in_the_thread_is_raised():
    with pytest.raises(OSError, match="unplugged"):
        watch(Video(FakeCamera(3, broken=True), range(10**6), buffer=False), 0)
    assert not readers()
