"""The run of a whole recording: people are found at its end, and written to a folder."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.linker import Known, Linker
from readtrack.linking.engine import Linked
from readtrack.linking.settling import People
from readtrack.offline import OfflineTracker
from readtrack.pipeline.steps import Detect, Step, Steps
from readtrack.pipeline.work import count_work, work_of
from readtrack.results import COMPARED, Comparison, Edit, PairOdds, Results, Summary, amend, count, dropped, read
from readtrack.tracking import Association
from readtrack.video import Frame

SHORT = 0.5  # seconds from which both sides of a link matter


def track_recording(
    frames: Iterable[Frame],
    detect: Detect,
    tracker: OfflineTracker,
    results: Results,
    report: Callable[[Step], None] = lambda step: None,
    draw: Results | None = None,
    edits: Sequence[Edit] = (),
    gathered: Callable[[], None] = lambda: None,
) -> Summary:
    """Find the people of a whole recording and write them; Ctrl-C ends it early, with what is known by then.

    While frames are read, tracks.txt holds tracklets that are not linked yet. At the end people take their place, and
    the frames are gone through once more to be drawn.

    Args:
        frames: the recording, which can be gone through twice.
        detect: a frame's people.
        tracker: fresh. Its matcher may have worked before: the summary tells of this run alone.
        results: where the tables go.
        report: called after every frame of the first time.
        draw: where video and crops go; None for none.
        edits: corrections, which are certain; ``results`` has the same in its folder.
        gathered: called once all frames were read, before people are linked.
    """
    run = RecordingRun(frames, detect, tracker, results, draw, edits)
    run.gather(report)
    gathered()
    return run.write(*run.link())


def link_again(
    linker: Linker,
    results: Results,
    frames: Iterable[Frame] = (),
    draw: Results | None = None,
    edits: Sequence[Edit] = (),
) -> Summary:
    """Find the people of a recording that was gone through before, and write them.

    Args:
        linker: of what was recorded.
        results: where the tables go.
        frames: the recording, where it is to be drawn.
        draw: where video and crops go; None for none.
        edits: corrections, which are certain; ``results`` has the same in its folder.
    """
    run = RecordingRun(frames, lambda frame: sv.Detections.empty(), linker, results, draw, edits)
    run.indices = linker.indices()
    run.summary.frames, run.summary.first_frame = len(run.indices), min(run.indices, default=0)
    run.summary.size = linker.size
    return run.write(*run.link())


class RecordingRun:
    """A recording's run in its steps, so that several can be linked together in between."""

    def __init__(
        self,
        frames: Iterable[Frame],
        detect: Detect,
        tracker: Linker,
        results: Results,
        draw: Results | None = None,
        edits: Sequence[Edit] = (),
    ) -> None:
        """Nothing is read yet; arguments are those of ``track_recording``, whose tracker gathers."""
        self.frames, self.detect, self.tracker = frames, detect, tracker
        self.results, self.draw, self.edits = results, draw, edits
        self.summary = Summary()
        self.indices: list[int] = []  # the source's number of each frame

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time that passes, and what READ does in it."""
        before, started = work_of(self.tracker), time.perf_counter()
        try:
            yield
        finally:
            self.summary.seconds_total += time.perf_counter() - started
            count_work(self.summary, self.tracker, before)

    def gather(self, report: Callable[[Step], None] = lambda step: None) -> None:
        """Go through the frames for the first time, ``report`` is called after each; Ctrl-C ends it early."""
        summary, tracker = self.summary, self.tracker
        assert isinstance(tracker, OfflineTracker)

        def found(frame: Frame) -> sv.Detections:
            self.indices.append(frame.index)  # before the tracker counts it, wherever that is interrupted
            return self.detect(frame)

        with self.working():
            try:
                for step in Steps(self.frames, found, tracker):
                    self.results.write(step.frame, step.people, [], [])
                    summary.begin(step.frame)
                    summary.seconds_detector += step.seconds_detector
                    summary.seconds_rest += step.seconds_tracker
                    report(step)
            except KeyboardInterrupt:
                summary.interrupted = True

    def link(self) -> tuple[People, Linked]:
        """Who was who in this recording."""
        with self.working():
            begun = time.perf_counter()
            found = self.tracker.finish_people(_known(self.edits, self.indices))
            self.summary.seconds_rest += time.perf_counter() - begun
        return found

    def write(
        self,
        people: People,
        linked: Linked,
        ids: NDArray[np.int64] | None = None,
        more: Sequence[Association] = (),
    ) -> Summary:
        """Write who was who, and go through the frames once more to draw it.

        Args:
            people: boxes.
            linked: how they were found.
            ids: what each of the K people is called, from 1; None counts them.
            more: decisions to be told beside the links.
        """
        summary, indices = self.summary, self.indices
        ids = np.arange(1, len(linked.probability) + 1) if ids is None else ids
        summary.dropped = dropped(people, linked)
        for one in summary.dropped:
            one["id"] = int(ids[int(one["id"]) - 1])
        people = replace(people, ids=ids[people.ids - 1])
        summary.own_pairs = PairOdds.of(linked.own)
        associations = [*_associations(linked, indices, self.tracker.fps, ids), *more]
        associations.sort(key=lambda one: one.frame)
        self.results.replace_tables(_by_frame(people, indices), associations)
        summary.identities = len(self.results.people)
        summary.reidentified = sum(one.reason == "reidentified" for one in associations)
        summary.judged = len(associations) - summary.reidentified
        if self.draw is not None:
            with self.working():
                try:
                    self._draw(people, linked, associations, ids)
                except KeyboardInterrupt:
                    summary.interrupted = True
        return summary

    def _draw(self, people: People, linked: Linked, associations: list[Association], ids: NDArray[np.int64]) -> None:
        """Go through the frames for the second time."""
        draw, indices, folder = self.draw, self.indices, self.results.folder
        assert draw is not None
        if draw.album is not None:
            draw.album.want(_comparisons(self.tracker, linked, indices, ids))
        shown: Iterable[tuple[int, sv.Detections]] = ((index, found) for index, found, _ in _by_frame(people, indices))
        if self.edits:
            draw.names, shown = _corrected(folder, indices)
        if draw.blur is not None:  # also who was found to be no person, or dropped
            shown = _with_hidden(shown, _by_frame(people, indices))
        if draw.overlay is not None:
            draw.overlay.events = count(read(folder), draw.overlay.places)
        _draw(self.frames, shown, associations, draw)


def _by_frame(people: People, indices: list[int]) -> Iterator[tuple[int, sv.Detections, sv.Detections]]:
    """For each frame its number in the source, people, and those who were found to be none."""
    bounds = np.searchsorted(people.frames, np.arange(len(indices) + 1))
    for index, start, stop in zip(indices, bounds, bounds[1:], strict=False):
        rows = np.arange(start, stop)
        found = sv.Detections(
            people.xyxy[rows].astype(np.float32),
            confidence=people.confidence[rows],
            class_id=np.zeros(len(rows), dtype=int),
            tracker_id=people.ids[rows],
            data={"filled": people.filled[rows]},
        )
        dropped = people.dropped[rows]
        yield index, boxes.take(found, ~dropped), boxes.take(found, dropped)


def people_by_frame(people: People, indices: list[int]) -> dict[int, sv.Detections]:
    """People by frame, as ``indices`` number them; without those who were found to be none."""
    return {index: found for index, found, _ in _by_frame(people, indices)}


def _associations(linked: Linked, indices: list[int], fps: float, ids: NDArray[np.int64]) -> list[Association]:
    """What is told of links: who is back after a second or more was reidentified."""
    return [
        Association(
            frame=indices[one.frame],
            track=int(ids[one.person]),
            detection=-1,
            reason="reidentified" if one.gap >= 1 else "linked",
            probability=one.probability,
            runner_up=one.runner_up,
            gap=round(one.gap * fps),
            motion_cost=-one.motion,
            boxes=one.boxes,
        )
        for one in linked.links
    ]


def _known(edits: Sequence[Edit], indices: list[int]) -> Known | None:
    """What corrections tell of boxes, in frames as they were handed in."""
    place = {index: number for number, index in enumerate(indices)}
    pairs: dict[str, list[list[tuple[int, Sequence[float]]]]] = {"merge": [], "split": []}
    for edit in edits:
        if edit.do in pairs and all(frame in place for frame, _ in edit.anchors):
            pairs[edit.do].append([(place[frame], xyxy) for frame, xyxy in edit.anchors])
    return Known(pairs["merge"], pairs["split"]) if edits else None


def _corrected(folder: Path, indices: list[int]) -> tuple[dict[int, str], list[tuple[int, sv.Detections]]]:
    """Names, and everybody by frame, after what corrections change beyond the links."""
    table, _ = amend(folder)
    found, nobody = dict(table.by_frame()), sv.Detections.empty()
    nobody.tracker_id = np.zeros(0, dtype=np.int64)
    return table.names, [(index, found.get(index, nobody)) for index in indices]


def _with_hidden(
    shown: Iterable[tuple[int, sv.Detections]], everybody: Iterable[tuple[int, sv.Detections, sv.Detections]]
) -> Iterator[tuple[int, sv.Detections]]:
    """People, and after them all boxes of their frame without an id, which are not drawn."""
    for (index, people), (_, found, others) in zip(shown, everybody, strict=True):
        xyxy = np.concatenate([people.xyxy, found.xyxy, others.xyxy])
        ids = np.full(len(xyxy), -1)
        filled = np.zeros(len(xyxy), dtype=bool)
        ids[: len(people)] = 0 if people.tracker_id is None else people.tracker_id
        filled[: len(people)] = people.data.get("filled", False)
        yield index, sv.Detections(xyxy, class_id=np.zeros(len(xyxy), int), tracker_id=ids, data={"filled": filled})


def _comparisons(tracker: Linker, linked: Linked, indices: list[int], ids: NDArray[np.int64]) -> Iterator[Comparison]:
    """Links in pictures, the most doubtful of those that matter and the longest absences; none without READ."""
    if tracker.matcher is None or not linked.links:
        return
    least, least_person = SHORT * tracker.fps, tracker.config.min_person
    counted = [one for one in linked.links if one.boxes >= least and linked.probability[one.person] >= least_person]
    doubtful = sorted(counted, key=lambda one: one.probability)[: COMPARED - COMPARED // 3]
    away = sorted((one for one in counted if one not in doubtful and one.gap >= 1), key=lambda one: -one.gap)
    begins, ends = tracker.lives()
    for link in [*doubtful, *away[: COMPARED - len(doubtful)]]:
        others = np.flatnonzero((linked.people == link.person) & (begins < begins[link.tracklet]))
        for other in others[np.argsort(-ends[others], kind="stable")].tolist():
            compared = tracker.compared(other, link.tracklet)
            if compared is not None:
                places = [(indices[place.frame], place.xyxy) for place in compared.places]
                told = (indices[link.frame], int(ids[link.person]))
                yield Comparison(*told, places, compared.probability, compared.attention)
                break


def _draw(
    frames: Iterable[Frame],
    rows: Iterable[tuple[int, sv.Detections]],
    associations: list[Association],
    results: Results,
) -> None:
    """Go through the frames again and draw the people in them."""
    told: dict[int, list[Association]] = {}
    for one in associations:
        told.setdefault(one.frame, []).append(one)
    following = iter(rows)
    for frame in frames:
        index, found = next(following, (frame.index, None))
        if found is None or index != frame.index:
            break  # it was interrupted there, or the source changed
        results.write(frame, found, told.get(index, []), [])
        if not results.open:
            break
