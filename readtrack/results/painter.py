"""Tracked people drawn on the image: boxes, ids, trails, and a mark on those whom READ brought back."""

import subprocess
import sys
from collections.abc import Mapping

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.errors import InputError

PATIENCE = 30  # seconds for a window to open
DASH = 6  # pixels
MARK = "#FFD400"  # of a person brought back


class Painter:
    """Draws one frame after another; remembers trails and whom READ brought back lately."""

    def __init__(self, fps: float, mark: float = 2.0) -> None:
        """Trails last for a second, the mark of a return for ``mark`` seconds."""
        palette, lookup = sv.ColorPalette.DEFAULT, sv.ColorLookup.TRACK
        self._boxes = sv.BoxAnnotator(palette, thickness=2, color_lookup=lookup)
        self._halo = sv.BoxAnnotator(sv.Color.from_hex(MARK), thickness=6)
        self._labels = sv.LabelAnnotator(palette, text_scale=0.45, text_padding=4, color_lookup=lookup)
        self._trails = sv.TraceAnnotator(
            palette, sv.Position.BOTTOM_CENTER, trace_length=max(2, round(fps)), color_lookup=lookup
        )
        self._mark_frames = round(mark * fps)
        self._returned: dict[int, tuple[int, float]] = {}  # id -> last frame to mark, probability

    def returned(self, track: int, frame: int, probability: float) -> None:
        """READ brought a person back in this frame."""
        self._returned[track] = (frame + self._mark_frames, probability)

    def paint(
        self,
        image: NDArray[np.uint8],
        people: sv.Detections,
        frame: int,
        names: Mapping[int, str] = {},  # noqa: B006
    ) -> NDArray[np.uint8]:
        """A copy of the BGR image with everyone whose id is known drawn on it."""
        canvas: NDArray[np.uint8] = np.ascontiguousarray(image).copy()
        ids = people.tracker_id
        if ids is None or not (ids > 0).any():
            return canvas
        people = boxes.take(people, ids > 0)
        assert people.tracker_id is not None
        self._returned = {i: (last, p) for i, (last, p) in self._returned.items() if last >= frame}
        back = np.isin(people.tracker_id, list(self._returned))
        labels = [
            f"{names.get(i, i)} back {100 * self._returned[i][1]:.0f} %"
            if i in self._returned
            else f"{names.get(i, i)}"
            for i in people.tracker_id.tolist()
        ]
        canvas = self._trails.annotate(canvas, people)
        canvas = self._halo.annotate(canvas, boxes.take(people, back))
        filled = np.asarray(people.data.get("filled", np.zeros(len(people), dtype=bool)))
        canvas = self._boxes.annotate(canvas, boxes.take(people, ~filled))
        for box, track in zip(people.xyxy[filled], people.tracker_id[filled].tolist(), strict=True):
            _dashed(canvas, box, sv.ColorPalette.DEFAULT.by_idx(track).as_bgr())
        return np.asarray(self._labels.annotate(canvas, people, labels), dtype=np.uint8)


def _dashed(canvas: NDArray[np.uint8], xyxy: NDArray[np.floating], colour: tuple[int, int, int]) -> None:
    """Draw a dashed box: somebody is there, though nobody was detected."""
    left, top, right, bottom = xyxy.round().astype(int).tolist()
    for x in range(left, right, 2 * DASH):
        for y in (top, bottom):
            cv2.line(canvas, (x, y), (min(x + DASH, right), y), colour, 2)
    for y in range(top, bottom, 2 * DASH):
        for x in (left, right):
            cv2.line(canvas, (x, y), (x, min(y + DASH, bottom)), colour, 2)


def check_window() -> None:
    """Raise InputError where no window can be opened; tried in another process, since OpenCV may end its own."""
    code = "import cv2; cv2.namedWindow('readtrack'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE, check=False)
        opened = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        opened = False
    if not opened:
        raise InputError("no window can be opened: there is no display, or this OpenCV has no windows", "show")


class Window:
    """The picture on screen; closed with q or Escape."""

    def __init__(self, title: str) -> None:
        self.title = title

    def show(self, image: NDArray[np.uint8]) -> bool:
        """Show an image; False once the user closed the window."""
        cv2.imshow(self.title, image)
        return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)

    def close(self) -> None:
        """Close the window."""
        cv2.destroyWindow(self.title)
