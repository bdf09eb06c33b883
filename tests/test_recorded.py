"""What is recorded of tracklets: in a file, read again, refused where it is of something else."""

import sqlite3

import numpy as np
import pytest
import supervision as sv
from painted import ByColour, at, paint

from readtrack.errors import InputError
from readtrack.linker import Linker
from readtrack.linking.settings import LinkingConfig
from readtrack.offline import OfflineTracker
from readtrack.read.config import ReadConfig
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read
from readtrack.recorded import Recorded

ALL = LinkingConfig(min_person=0)


@pytest.fixture(scope="module")
def matcher():
    return Matcher(Read(ReadConfig()), device="cpu")


def story(frames=40):
    return [{"ann": at(100 + 2 * i)} | ({"bob": at(500)} if i % 20 > 3 else {}) for i in range(frames)]


def run(tracker, places):
    for number, there in enumerate(places):
        image, people = paint(there)
        tracker.update(people, image, source=10 + 2 * number)
    return tracker


def test_an_earlier_run_is_linked_again_to_the_same_people(tmp_path, matcher):
    tracker = OfflineTracker(matcher, config=ALL)
    tracker.record(tmp_path / "kept.sqlite", told="of a walk")
    people, linked = run(tracker, story()).finish_people()
    linker = Linker(Recorded.open(tmp_path / "kept.sqlite", lambda facts: matcher), ALL)
    again, links = linker.finish_people()
    assert np.array_equal(again.ids, people.ids) and np.array_equal(again.xyxy, people.xyxy)
    assert [one.tracklet for one in links.links] == [one.tracklet for one in linked.links]
    assert linker.indices() == list(range(10, 90, 2)) and linker.size == (640, 360)
    assert linker.recorded.facts()["told"] == "of a walk"
    assert [frame for frame, _ in linker.places(0)] == [frame for frame, _ in tracker.places(0)]
    assert linker.compared(0, 1) is not None
    begins, ends = linker.lives()
    assert (begins[0], ends[0]) == (0, 39) and linker.tracklets == len(begins)


def test_by_boxes_alone_all_frames_are_kept(tmp_path):
    tracker = OfflineTracker(None, config=ALL)
    tracker.record(tmp_path / "kept.sqlite")
    people, _ = run(tracker, story(260)).finish_people()
    assert tracker.recorded.written == tracker.recorded.count == 260
    again, _ = Linker(Recorded.open(tmp_path / "kept.sqlite", lambda facts: None), ALL).finish_people()
    assert people.frames.max() == 259 and np.array_equal(again.frames, people.frames)


def test_what_was_seen_is_read_once_until_more_is_seen(monkeypatch):
    reads, frames = [], Recorded.frames
    monkeypatch.setattr(Recorded, "frames", lambda recorded: reads.append(recorded.count) or frames(recorded))
    tracker = run(OfflineTracker(None, config=ALL), story())
    people, _ = tracker.finish_people()
    assert len(tracker.indices()) == len(tracker.observations().frames) - 32 == 40 and len(tracker.lives()[0]) == 3
    assert reads == [40]
    run(tracker, story(1))
    assert tracker.finish_people()[0].frames.max() == 40 > people.frames.max() and reads == [40, 41]


def test_crops_of_tracklets_that_ended_leave_memory(matcher):
    tracker = run(OfflineTracker(matcher, config=ALL), story(250))
    held = tracker._gathering._galleries  # noqa: SLF001
    assert set(held) <= set(tracker._gathering.tracklets.alive.tolist())  # noqa: SLF001
    assert tracker.recorded.clips(tracker.tracklets)[1]
    assert len(tracker.finish_people()[0].frames) > 0


def test_only_so_many_crops_are_remembered(matcher, monkeypatch):
    monkeypatch.setattr("readtrack.recorded.REMEMBERED", 3)
    tracker = run(OfflineTracker(matcher, config=ALL), story())
    clips = tracker.clips()
    (one, *_), again = tracker.recorded.crops(clips), tracker.recorded.crops(clips)[0]
    assert all(np.array_equal(a.features, b.features) for a, b in zip(one, again, strict=True))
    assert len(tracker.recorded._remembered) == 3  # noqa: SLF001


def test_a_matcher_without_features_keeps_its_crops_in_memory(tmp_path):
    tracker = OfflineTracker(ByColour(), config=ALL)
    tracker.record(tmp_path / "kept.sqlite")
    people, _ = run(tracker, story()).finish_people()
    assert len(set(people.ids.tolist())) == 2
    assert tracker.recorded.facts()["weights"] == ""


def test_a_run_that_was_killed_leaves_what_was_written(tmp_path, matcher):
    tracker = OfflineTracker(matcher, config=ALL)
    tracker.record(tmp_path / "kept.sqlite")
    run(tracker, story(260))
    linker = Linker(Recorded.open(tmp_path / "kept.sqlite", lambda facts: matcher), ALL)
    assert len(linker.indices()) == 250
    assert linker.finish_people()[0].frames.max() == 249


def test_what_is_of_something_else_is_refused_in_one_line(tmp_path, matcher):
    path = tmp_path / "kept.sqlite"
    with pytest.raises(InputError, match="is not there"):
        Recorded.open(path, lambda facts: None)
    path.write_bytes(b"no database at all, but text" * 100)
    with pytest.raises(InputError, match="cannot be read"):
        Recorded.open(path, lambda facts: None)
    tracker = OfflineTracker(matcher)
    tracker.record(path)
    run(tracker, story()).finish_people()
    other = Matcher(Read(ReadConfig()), device="cpu")
    with pytest.raises(InputError, match="other weights") as error:
        Recorded.open(path, lambda facts: other)
    assert error.value.parameter == "weights"
    Recorded.open(path, lambda facts: None).close()  # by boxes alone
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE facts SET value = '99' WHERE name = 'version'")
    connection.close()
    with pytest.raises(InputError, match="version 99"):
        Recorded.open(path, lambda facts: None)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be"):
        OfflineTracker(None).record(tmp_path / "nowhere" / "kept.sqlite")


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path):
    tracker = OfflineTracker(None, config=ALL)
    tracker.record(tmp_path / "kept.sqlite")
    found = sv.Detections(np.array([[10.0, 10, 50, 110]]), confidence=np.array([0.9]))
    for _ in range(250):
        tracker.update(found)
    connection = tracker.recorded._connection  # noqa: SLF001
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(InputError, match="make room"):
        for _ in range(5000):
            tracker.update(found)
    linker = Linker(Recorded.open(tmp_path / "kept.sqlite", lambda facts: None), ALL)
    assert len(linker.indices()) >= 250 and linker.finish_people()[0].ids.tolist()[0] == 1
