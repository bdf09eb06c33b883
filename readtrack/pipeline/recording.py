"""The run of a whole recording: people are found at its end, and written to a folder."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.linking.engine import Linked, People
from readtrack.offline import Known, OfflineTracker
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
    before = work_of(tracker)
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
    count_work(summary, tracker, before)
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
                places = [(indices[place.frame], place.xyxy) for place in compared.places]
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
