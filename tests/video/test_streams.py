"""Streams from a server on this computer that stalls, goes away, comes back and comes late."""

import io
import re
import socket
import threading
import time

import av
import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.video import open_video

RATE = 10


def transport_stream(count):
    """So many frames as MPEG-TS, as cameras and encoders send it."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"tune": "zerolatency", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(count):
            image = np.full((48, 64, 3), 5 * i % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


class Server:
    """Answers connections in turn by HTTP with (bytes, whether it then hangs up rather than stalls), then is gone."""

    def __init__(self, *turns, delay=0.0):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        if delay:
            self._listener.close()
        self.address = f"http://me:secret@127.0.0.1:{self._port}/live.ts?token=1"
        self._turns, self._delay, self._clients = turns, delay, []
        self._thread = threading.Thread(target=self._serve)

    def _serve(self):
        if self._delay:
            time.sleep(self._delay)
            self._listener = socket.create_server(("127.0.0.1", self._port))
        self._listener.settimeout(30)
        for content, hangs_up in self._turns:
            client = self._listener.accept()[0]
            client.recv(4096)
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + content)
            client.close() if hangs_up else self._clients.append(client)
        self._listener.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()
        for client in self._clients:
            client.close()


def test_a_stream_that_stalls_and_comes_back_goes_on_and_one_that_ends_for_good_ends_it():
    with Server((transport_stream(25), False), (transport_stream(30), True)) as server:
        begin = time.monotonic()
        video = open_video(server.address, timeout=4, buffer=True)
        assert video.total is None and video.fps == RATE
        frames = list(video)
        took = time.monotonic() - begin
    assert [frame.index for frame in frames] == list(range(len(frames))) and 52 <= len(frames) <= 55
    times = np.array([frame.time for frame in frames])
    steps = np.diff(times)
    assert np.all(steps > 0)
    back = int(steps.argmax()) + 1
    assert 23 <= back <= 25 and steps.max() > 1.4 and np.allclose(np.delete(steps, back - 1), 1 / RATE, atol=0.01)
    first, second, third, last = video.warnings
    assert f"gave nothing for 4 s after {back} frames: connecting again" in first
    assert f"gave nothing for 4 s after {back} frames, is back after" in second
    assert re.search(f"(ended|broke off.*) after {len(frames)} frames: connecting again", third)
    assert f" after {len(frames)} frames and did not come back within" in last
    assert took < 30 and video.gone
    told = " ".join([video.name, *video.warnings])
    assert "secret" not in told and "token" not in told and "/" not in video.name


def test_a_stream_that_is_not_there_yet_is_waited_for():
    with Server((transport_stream(40), True), delay=1.5) as server:
        with pytest.raises(InputError, match="gives no picture"):
            open_video(server.address)
        with open_video(server.address, timeout=5, wait=20, end=25, buffer=True) as video:
            assert [frame.index for frame in video] == list(range(25))
            assert video.warnings == [] and not video.gone


def test_a_stream_goes_on_where_it_is():
    every = {"timeout": 5, "end": 5, "buffer": True}
    with Server((transport_stream(40), False)) as server, open_video(server.address, **every) as video:
        assert len(list(video)) == 5
        assert list(video) == []


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": float("nan")}, {"wait": -1}, {"wait": float("inf")}])
def test_senseless_patience_is_refused(options):
    with pytest.raises(InputError, match="seconds"):
        open_video("rtsp://127.0.0.1:9/x", **options)
