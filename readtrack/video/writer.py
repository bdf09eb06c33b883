"""Images to an H.264 video that browsers play, and that survives a killed process."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from readtrack.errors import InputError, first_line
from readtrack.images import Image, check_image

FINEST = 90_000  # ticks per second at least, in which times are written

# Best first; only the first may be missing from a build of PyAV without GPL parts.
ENCODERS = ("libx264", "h264_videotoolbox", "h264_mf", "libopenh264")


class VideoWriter:
    """Write BGR images to an MP4 file (H.264, yuv420p), best used in a ``with``.

    The file is opened at the first image, whose size it takes: an odd side grows by one pixel, later images
    of another size are fitted in with black margins. About once a second of video what was encoded reaches
    the disk as a fragment, so that the file of a killed process plays up to there; ``close`` makes it an
    ordinary MP4. No image, no file.

    Args:
        path: The file to write; it is overwritten.
        fps: Frames per second, whole or not: how long an image stays that comes without a time.

    Raises:
        InputError: the path cannot be written, the rate is senseless, or an image is none.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        if not (math.isfinite(fps) and 0 < fps < 1000):
            raise InputError(f"{path}: fps {fps} cannot be written: give frames per second, above 0 and below 1000")
        self.path = Path(path)
        self.fps = fps
        self._rate = Fraction(fps).limit_denominator(1001)  # 30000/1001 and its like stay exact
        self._container: Any = None
        self._stream: Any = None
        self._tick = self._rate * -(-FINEST // self._rate)  # ticks per second: whole frames are whole ticks
        self._begin: float | None = None  # time of the first image
        self._last = -1  # ticks from the first image to the last
        self._key = 0  # ticks from the first image to the last key frame
        self._closed = False

    def write(self, image: Image, time: float | None = None) -> None:
        """Append one BGR image (H, W, 3) uint8.

        Args:
            image: The picture.
            time: Seconds, from any origin, at which it is to show; one that is not later than the last image's shows
                as soon as it can. None: a frame after the last one.
        """
        import av

        if self._closed:
            raise InputError(f"{self.path}: is closed: open another VideoWriter")
        check_image(image, f"{self.path}: a frame")
        if not image.size:
            raise InputError(f"{self.path}: cannot write an empty image {image.shape}: skip it")
        try:
            if self._container is None:
                self._open(image.shape[1], image.shape[0])
            frame = av.VideoFrame.from_ndarray(self._fit(image), format="bgr24")
            frame.pts, frame.time_base = self._ticks(time), 1 / self._tick
            if frame.pts - self._key >= self._tick:
                self._key, frame.pict_type = frame.pts, av.video.frame.PictureType.I
            self._mux(frame)
        except OSError as error:  # PyAV's errors of the file system are OSErrors too
            raise self._refusal(error) from error

    def _ticks(self, time: float | None) -> int:
        step = int(self._tick / self._rate)
        if time is None:
            time_in_ticks = self._last + step if self._last >= 0 else 0
        else:
            self._begin = time if self._begin is None else self._begin
            time_in_ticks = max(self._last + 1, round((time - self._begin) * self._tick))
        self._last = time_in_ticks
        return time_in_ticks

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            packet.duration = packet.duration or int(self._tick / self._rate)
            self._container.mux(packet)

    def _open(self, width: int, height: int) -> None:
        import av

        encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
        if encoder is None:
            raise InputError(f"{self.path}: this build of PyAV encodes no H.264: pip install --force-reinstall av")
        fragments = "frag_keyframe+empty_moov+default_base_moof"
        if av.library_versions["libavformat"] >= (61, 7, 0):  # FFmpeg 7.1 can make the file whole in the end
            fragments += "+hybrid_fragmented"
        self._container = av.open(
            str(self.path), "w", format="mp4", options={"movflags": fragments, "flush_packets": "1"}
        )
        # zerolatency keeps no frames back, so that a killed run loses one fragment at most
        x264 = (
            {"preset": "veryfast", "tune": "zerolatency", "crf": "23", "forced-idr": "1"}
            if encoder == "libx264"
            else {}
        )
        stream = self._container.add_stream(
            encoder, rate=self._rate, options={**x264, "g": str(max(1, round(self._rate))), "bf": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.time_base = 1 / self._tick
        self._stream = stream

    def _fit(self, image: Image) -> Image:
        """Bring an image to the stream's size: repeat an odd edge, else letterbox."""
        height, width = image.shape[:2]
        full_width, full_height = self._stream.width, self._stream.height
        if (width + width % 2, height + height % 2) == (full_width, full_height):
            if (width, height) == (full_width, full_height):
                return np.ascontiguousarray(image)
            bottom, right = full_height - height, full_width - width
            return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="edge")
        scale = min(full_width / width, full_height / height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = np.zeros((full_height, full_width, 3), np.uint8)
        left, top = (full_width - inner[0]) // 2, (full_height - inner[1]) // 2
        canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
        return canvas

    def _refusal(self, error: OSError) -> InputError:
        why = first_line(error)
        return InputError(f"{self.path}: cannot be written ({why}): check the folder, its rights and its free space")

    def close(self) -> None:
        """Finish the file; harmless when done twice."""
        if self._closed or self._container is None:
            self._closed = True
            return
        self._closed = True
        try:
            self._mux(None)
            self._container.close()
        except OSError as error:
            raise self._refusal(error) from error

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
