"""A live run: ids are told as frames come, and written to a folder."""

import time
from collections.abc import Callable, Iterable

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack.judging import Compared
from readtrack.pipeline.steps import Detect, Step, Steps
from readtrack.pipeline.work import count_work, work_of
from readtrack.readtracker import ReadTracker
from readtrack.results import Comparison, PairOdds, Picture, Results, Summary
from readtrack.tracking import Association
from readtrack.video import Frame


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
    shown = _Shown(results)

    def found(frame: Frame) -> sv.Detections:
        shown.frame = frame.index
        return detect(frame)

    summary, steps, started = Summary(), Steps(frames, found, tracker), time.perf_counter()
    before = work_of(tracker)
    if results.album is not None:
        tracker.illustrate(shown.take)
    try:
        for step in steps:
            results.write(step.frame, step.people, step.associations, step.reassignments)
            if results.album is not None:
                shown.offer(step.associations, tracker.compared)
            summary.begin(step.frame)
            summary.correct(step.frame.index, step.reassignments)
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
        settled = steps.finish()
        results.settle(settled)
        summary.correct(shown.frame, settled)
    summary.own_pairs = PairOdds.of(tracker.own_pairs)
    summary.identities = len(results.people)
    summary.seconds_total = time.perf_counter() - started
    count_work(summary, tracker, before)
    return summary


class _Shown:
    """Takes pictures of a live run as it goes, and hands those of decisions to its album."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self.frame = 0  # of the source, that is worked on

    def take(self, image: NDArray[np.uint8], people: sv.Detections, rows: list[int]) -> list[Picture | None]:
        """Pictures of some rows of the frame's people."""
        return self._results.take_pictures(self.frame, image, people, rows)

    def offer(self, associations: list[Association], compared: list[Compared | None]) -> None:
        """Hand over decisions with what READ saw; how long either side will be nobody knows yet."""
        for one, seen in zip(associations, compared, strict=True):
            if seen is None or self._results.album is None:
                continue
            pictures = {place: shown.picture for place, shown in enumerate(seen.places) if shown.picture is not None}
            comparison = Comparison(one.frame, one.track, [], seen.probability, seen.attention, pictures)
            self._results.album.offer(comparison, one.probability, one.gap)
