"""The loop: frames of the source throughout, and a summary of this run alone."""

from dataclasses import replace

import numpy as np
import pytest
import supervision as sv
from filmed import Scripted, late
from painted import ByColour, at, away_and_back, paint

from readtrack import ReadTracker, TrackerConfig
from readtrack.mot import read_mot
from readtrack.pipeline import Steps, track
from readtrack.results import Results
from readtrack.video import Frame


class Counting(ByColour):
    """A matcher by colour that counts its work as ``Matcher`` does, a second a pair."""

    encoded = compared = seconds = 0

    def describe(self, image, people):
        self.encoded += len(people)
        return super().describe(image, people)

    def similarity(self, queries, galleries):
        self.compared += len(queries) * len(galleries)
        self.seconds += float(len(queries) * len(galleries))
        return super().similarity(queries, galleries)


def frames_of(story, first=0, step=1):
    return [Frame(first + step * i, paint(places)[0]) for i, places in enumerate(story)]


def finder(story, first=0, step=1):
    return lambda frame: paint(story[(frame.index - first) // step])[1]


def test_a_second_run_tells_of_itself_alone(tmp_path):
    story, matcher = away_and_back(), Counting()
    tracker = ReadTracker(matcher, TrackerConfig(fps=25))
    summaries = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Results(folder, 25, video=False) as results:
            summaries.append(track(frames_of(story), finder(story), tracker, results))
        tracker.reset()
    one, other = summaries
    assert one.pairs_compared > 0 and matcher.compared == 2 * one.pairs_compared
    for name in ("frames", "identities", "pairs_compared", "crops_encoded", "seconds_read"):
        assert getattr(one, name) == getattr(other, name) > 0
    assert (tmp_path / "0/tracks.txt").read_bytes() == (tmp_path / "1/tracks.txt").read_bytes()


def test_late_identities_come_in_the_source_s_frames():
    story = [{"ann": at(100)}] * 3
    told = {2: [late(0, at(100), 7), late(1, at(100), 7, previous_id=3)]}
    tracker = Scripted(lambda f, seen: [-1], decide=lambda f: told.get(f, ()), last=[late(2, at(100), 7)])
    steps = Steps(frames_of(story, 10, 5), finder(story, 10, 5), tracker)
    seen = list(steps)
    assert [step.frame.index for step in seen] == [10, 15, 20]
    assert [step.people.tracker_id.tolist() for step in seen] == [[-1]] * 3
    assert [(r.frame, r.previous_id) for r in seen[2].reassignments] == [(10, -1), (15, 3)]
    assert [r.frame for r in steps.finish()] == [20]


def test_associations_come_in_the_source_s_frames():
    story = away_and_back()
    tracker = ReadTracker(ByColour(), TrackerConfig(fps=25))
    twice = [one for step in Steps(frames_of(story, 7, 2), finder(story, 7, 2), tracker) for one in step.associations]
    tracker.reset()
    once = [one for step in Steps(frames_of(story), finder(story), tracker) for one in step.associations]
    assert once and twice == [replace(one, frame=7 + 2 * one.frame) for one in once]


def test_what_was_tracked_before_an_interruption_is_settled(tmp_path):
    def detect(frame):
        if frame.index == 4:
            raise KeyboardInterrupt
        return sv.Detections(np.array([at(100)]), confidence=np.array([0.9]))

    with Results(tmp_path, 25, video=False) as results:
        summary = track(frames_of([{"ann": at(100)}] * 9), detect, ReadTracker(None), results)
    assert summary.interrupted and summary.frames == 4
    assert max(read_mot(tmp_path / "tracks.txt")) == 3


@pytest.mark.parametrize("story", [[], [{}], [{}] * 3])
def test_nobody_and_nothing(story):
    steps = Steps(frames_of(story), finder(story), ReadTracker(None))
    assert len(list(steps)) == len(story) and steps.finish() == []
