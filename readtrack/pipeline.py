"""The one loop from frames to people with identities, and the run that writes what it gives to a folder."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.linking.engine import Linked, People
from readtrack.offline import Known, OfflineTracker
from readtrack.readtracker import ReadTracker
from readtrack.results import COMPARED, Comparison, Edit, PairOdds, Results, Summary, amend, count, dropped, read
from readtrack.tracking import Association, Reassignment
from readtrack.video import Frame

Detect = Callable[[Frame], sv.Detections]

REMEMBERED = 4096  # frames back to which a reassignment can be told
SHORT = 0.5  # seconds from which both sides of a link matter


class OnlineTracker(Protocol):
    """Whoever gives detections ids, frame by frame: ``ReadTracker``, or another tracker behind the same methods."""

    @property
    def associations(self) -> list[Association]:
        """READ's decisions in the last update."""

    @property
    def reassignments(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id was settled or proved wrong just now; ``frame`` counts updates from 0."""

    def update(self, detections: sv.Detections, image: NDArray[np.uint8] | None) -> sv.Detections:
        """Take the next frame; the same detections in the same order with ``tracker_id``, -1 where there is none."""

    def finish(self) -> list[Reassignment]:
        """Settle what is undecided, at the end."""


@dataclass(frozen=True)
class Step:
    """One frame's way through the loop; frame numbers are those of the source throughout."""

    frame: Frame
    detections: sv.Detections  # what was handed to the tracker
    people: sv.Detections  # the same with ``tracker_id``; -1 where there is no id (yet)
    associations: list[Association]
    reassignments: list[Reassignment]  # boxes of earlier frames whose id was settled or proved wrong in this one
    seconds_detector: float
    seconds_tracker: float


class Steps:
    """Hands frames to a detector and a tracker, one ``Step`` each; ``finish`` then settles who is still undecided.

    Example:
        >>> steps = Steps(video, detect, tracker)  # doctest: +SKIP
        >>> for step in steps:  # doctest: +SKIP
        ...     show(step.frame, step.people)
        >>> late = steps.finish()  # doctest: +SKIP
    """

    def __init__(self, frames: Iterable[Frame], detect: Detect, tracker: OnlineTracker) -> None:
        """Nothing is read yet.

        Args:
            frames: the video.
            detect: a frame's people.
            tracker: fresh or reset.
        """
        self._frames, self._detect, self._tracker = frames, detect, tracker
        self._count = 0
        self._time: float | None = None  # of the last frame
        self._indices: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)  # the tracker's frame, the source's

    def __iter__(self) -> Iterator[Step]:
        for frame in self._frames:
            begun = time.perf_counter()
            detections = self._detect(frame)
            detected = time.perf_counter()
            people = self._update(frame, detections)
            tracked = time.perf_counter()
            self._indices.append((self._count, frame.index))
            self._count += 1
            yield Step(
                frame=frame,
                detections=detections,
                people=people,
                associations=[replace(one, frame=frame.index) for one in self._tracker.associations],
                reassignments=self._in_source(self._tracker.reassignments),
                seconds_detector=detected - begun,
                seconds_tracker=tracked - detected,
            )

    def _update(self, frame: Frame, detections: sv.Detections) -> sv.Detections:
        """What the tracker says of a frame; whoever can gets its time, as long as that grows."""
        if not isinstance(self._tracker, ReadTracker):
            return self._tracker.update(detections, frame.image)
        grows = frame.time is not None and (self._time is None or frame.time > self._time)
        self._time = frame.time if grows else None if self._time is None else self._time + 1 / self._tracker.config.fps
        return self._tracker.update(detections, frame.image, self._time)

    def finish(self) -> list[Reassignment]:
        """Boxes of earlier frames whose id is settled by the end of the video, wherever the loop ended."""
        return self._in_source(self._tracker.finish())

    def _in_source(self, reassignments: list[Reassignment]) -> list[Reassignment]:
        """Reassignments in the source's frames; without those of frames long past."""
        indices = dict(self._indices) if reassignments else {}
        return [replace(late, frame=indices[late.frame]) for late in reassignments if late.frame in indices]


def track(
    frames: Iterable[Frame],
    detect: Detect,
    tracker: ReadTracker,
    results: Results,
    report: Callable[[Step], None] = lambda step: None,
) -> Summary:
    """Track people through frames and write the results; Ctrl-C ends it early and cleanly.

    Args:
        frames: the video.
        detect: a frame's people.
        tracker: fresh or reset. Its matcher may have worked before: the summary tells of this run alone.
        results: where tracks, video and READ's decisions go.
        report: called after every frame.
    """
    summary, steps, started = Summary(), Steps(frames, detect, tracker), time.perf_counter()
    before = _work(tracker)
    try:
        for step in steps:
            results.write(step.frame, step.people, step.associations, step.reassignments)
            summary.begin(step.frame)
            summary.seconds_detector += step.seconds_detector
            summary.seconds_rest += step.seconds_tracker
            reidentified = sum(one.reason == "reidentified" for one in step.associations)
            summary.reidentified += reidentified
            summary.judged += len(step.associations) - reidentified
            report(step)
            if not results.open:
                break
    except KeyboardInterrupt:
        summary.interrupted = True
    finally:  # whatever broke off: those still undecided are told as well
        results.settle(steps.finish())
    summary.own_pairs = PairOdds.of(tracker.own_pairs)
    summary.identities = len(results.people)
    summary.seconds_total = time.perf_counter() - started
    _count_work(summary, tracker, before)
    return summary


def track_recording(
    frames: Iterable[Frame],
    detect: Detect,
    tracker: OfflineTracker,
    results: Results,
    report: Callable[[Step], None] = lambda step: None,
    draw: Results | None = None,
    edits: Sequence[Edit] = (),
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
    """
    summary, started = Summary(), time.perf_counter()
    before = _work(tracker)
    indices: list[int] = []

    def found(frame: Frame) -> sv.Detections:
        indices.append(frame.index)  # before the tracker counts it, wherever that is interrupted
        return detect(frame)

    try:
        for step in Steps(frames, found, tracker):
            results.write(step.frame, step.people, [], [])
            summary.begin(step.frame)
            summary.seconds_detector += step.seconds_detector
            summary.seconds_rest += step.seconds_tracker
            report(step)
    except KeyboardInterrupt:
        summary.interrupted = True
    begun = time.perf_counter()
    people, linked = tracker.finish_people(_known(edits, indices))
    summary.dropped = dropped(people, linked)
    summary.own_pairs = PairOdds.of(linked.own)
    summary.seconds_rest += time.perf_counter() - begun
    associations = _associations(linked, indices, tracker.fps)
    results.replace_tables(_by_frame(people, indices), associations)
    summary.identities = len(results.people)
    summary.reidentified = sum(one.reason == "reidentified" for one in associations)
    summary.judged = len(associations) - summary.reidentified
    if draw is not None:
        try:
            if draw.album is not None:
                draw.album.want(_comparisons(tracker, linked, indices))
            rows = _by_frame(people, indices)
            shown: Iterable[tuple[int, sv.Detections]] = ((index, found) for index, found, _ in rows)
            if edits:
                draw.names, shown = _corrected(results.folder, indices)
            if draw.blur is not None:  # also who was found to be no person, or dropped
                shown = _with_hidden(shown, _by_frame(people, indices))
            if draw.overlay is not None:
                draw.overlay.events = count(read(results.folder), draw.overlay.places)
            _draw(frames, shown, associations, draw)
        except KeyboardInterrupt:
            summary.interrupted = True
    summary.seconds_total = time.perf_counter() - started
    _count_work(summary, tracker, before)
    return summary


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


def _associations(linked: Linked, indices: list[int], fps: float) -> list[Association]:
    """What is told of links: who is back after a second or more was reidentified."""
    told = [
        Association(
            frame=indices[one.frame],
            track=one.person + 1,
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
    return sorted(told, key=lambda one: one.frame)


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


def _comparisons(tracker: OfflineTracker, linked: Linked, indices: list[int]) -> Iterator[Comparison]:
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
                places = [(indices[frame], xyxy) for frame, xyxy in compared.places]
                told = (indices[link.frame], link.person + 1)
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


def _work(tracker: ReadTracker | OfflineTracker) -> tuple[int, int, float]:
    """Crops encoded, pairs compared and seconds spent by a tracker's matcher so far."""
    matcher = tracker.matcher
    return (0, 0, 0.0) if matcher is None else (matcher.encoded, matcher.compared, matcher.seconds)


def _count_work(summary: Summary, tracker: ReadTracker | OfflineTracker, before: tuple[int, int, float]) -> None:
    """Tell what a tracker's matcher has done since ``before``; its seconds are no longer among the rest."""
    encoded, compared, seconds = (now - then for now, then in zip(_work(tracker), before, strict=True))
    summary.crops_encoded, summary.pairs_compared = int(encoded), int(compared)
    summary.seconds_read = seconds
    summary.seconds_rest -= seconds
