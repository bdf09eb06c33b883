"""Rows out, whole or not at all."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import supervision as sv

from readtrack.boxes import confidence_of, xyxy_to_tlwh
from readtrack.errors import InputError, first_line
from readtrack.files import replacing

REMEMBERED = 4096  # frames whose identities the writer knows, to refuse one that comes twice


class MotWriter:
    """Append tracked boxes to a MOTChallenge file, best used in a ``with``.

    Every frame is handed to the system at once and in whole lines, so a killed run leaves a valid file. Where that
    fails (a full disk), nothing of the frame stays in the file, and the next one may be tried.
    Frames may come late (filled in afterwards) and identities prove wrong: ``close`` then sorts and corrects the file.

    Args:
        path: The file to write; it is overwritten, and is there even if nothing is tracked.

    Raises:
        InputError: the path cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lines: dict[int, dict[int, int]] = {}  # frame -> identity -> its line
        self._count = 0  # lines
        self._size = 0  # bytes, all of whole lines
        self._corrected: dict[int, int] = {}  # line -> the right identity
        self._last = -1
        self._ordered = True
        try:
            self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115, closed by close()
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, index: int, detections: sv.Detections) -> None:
        """Append a frame's boxes whose ``tracker_id`` is at least 1; others are tentative and left out.

        Args:
            index: The 0-based frame.
            detections: Boxes in pixels. No confidence is written as 1. Those whose ``data["filled"]`` is true, which
                nobody detected, end in 1 instead of -1.

        Raises:
            InputError: no ``tracker_id``, boxes that are not finite, or an identity twice in the frame.
        """
        if not len(detections):
            return
        where = f"{self.path}: frame {index}"
        if detections.tracker_id is None:
            raise InputError(f"{where}: boxes without tracker_id: write what the tracker returns")
        if index < 0:
            raise InputError(f"{where}: frames count from 0: pass Frame.index")
        ids = np.asarray(detections.tracker_id).astype(int)
        order = np.argsort(ids, kind="stable")
        order = order[ids[order] >= 1]
        tlwh = xyxy_to_tlwh(np.asarray(detections.xyxy, dtype=np.float64)[order])
        confidence = confidence_of(detections)
        if not np.isfinite(tlwh).all():
            raise InputError(f"{where}: a box is not finite: pass detections through readtrack.detect.clean")
        ids, known = ids[order], self._lines.get(index, {})
        if len({*known, *ids.tolist()}) < len(known) + len(ids):
            raise InputError(f"{where}: an identity is there twice: give each box of a frame its own")
        filled = np.asarray(detections.data.get("filled", np.zeros(len(detections), dtype=bool)))[order]
        marks = np.where(filled, 1, -1).tolist()
        lines = [
            f"{index + 1},{i},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{c:.4f},-1,-1,{mark}\n"
            for i, (x, y, w, h), c, mark in zip(
                ids.tolist(), tlwh.tolist(), confidence[order].tolist(), marks, strict=True
            )
        ]
        if not lines:
            return
        self._append("".join(lines).encode())
        self._lines[index] = {
            **known,
            **dict(zip(ids.tolist(), range(self._count, self._count + len(ids)), strict=True)),
        }
        self._count += len(ids)
        if len(self._lines) > REMEMBERED:
            del self._lines[next(iter(self._lines))]
        self._ordered &= index > self._last
        self._last = max(index, self._last)

    def correct(self, corrections: Collection[tuple[int, int, int]]) -> None:
        """Say that identities of earlier frames were wrong.

        Args:
            corrections: 0-based frame, the identity as it was written or corrected last, the right one; -1 takes the
                box out. All hold at once, so that two people may exchange theirs. Of frames long past they are left
                out.
        """
        known = [correction for correction in corrections if correction[1] in self._lines.get(correction[0], {})]
        lines = [self._lines[index].pop(was) for index, was, _ in known]
        for (index, _, now), line in zip(known, lines, strict=True):
            self._corrected[line] = now
            if now > 0:
                self._lines[index][now] = line

    def _append(self, content: bytes) -> None:
        """Write all of it, or leave the file as it was; the system may take a part only and fail at the next."""
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except BaseException as error:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            if isinstance(error, OSError):
                raise self._refusal(error) from error
            raise
        self._size += len(content)

    def _refusal(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: cannot be written ({first_line(error)}): check the folder, rights and space")

    def close(self) -> None:
        """Close the file, sorted and corrected; harmless when done twice."""
        if self._file.closed:
            return
        self._file.close()
        if self._ordered and not self._corrected:
            return
        rows = []
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True)):
            frame, identity, rest = line.split(b",", 2)
            rows.append((int(frame), self._corrected.get(number, int(identity)), rest))
        lines = [b"%d,%d,%b" % row for row in sorted(rows) if row[1] > 0]
        with replacing(self.path) as partial:
            partial.write_bytes(b"".join(lines))

    def __enter__(self) -> "MotWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
