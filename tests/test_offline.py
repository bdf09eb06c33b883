"""The tracker of whole recordings, with a matcher that knows people by their colour."""

import numpy as np
import pytest
import supervision as sv

from readtrack.errors import InputError
from readtrack.linker import Known
from readtrack.linking.settings import LinkingConfig
from readtrack.offline import OfflineTracker


def frame_of(people, size=(640, 360)):
    """A grey image with coloured boxes, and detections of them."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    xyxy = np.array([box for box, _ in people], dtype=float).reshape(-1, 4)
    for (left, top, right, bottom), colour in ((box, colour) for box, colour in people):
        image[int(top) : int(bottom), int(left) : int(right)] = colour
    return sv.Detections(xyxy.astype(np.float32), confidence=np.full(len(xyxy), 0.9)), image


def test_boxes_alone_make_people_of_tracklets():
    tracker = OfflineTracker(None, fps=25, config=LinkingConfig(min_person=0))
    for frame in range(60):
        there = not 20 <= frame < 30
        box = (50 + 3 * frame, 100, 90 + 3 * frame, 200)
        found, _ = frame_of([(box, (0, 0, 255))] if there else [])
        answer = tracker.update(found)
        assert answer.tracker_id is not None and len(answer) == there
    people, linked = tracker.finish_people()
    assert len(linked.people) == 2 and set(people.ids.tolist()) == {1}
    assert people.frames.tolist() == list(range(60)) and people.filled.sum() == 10
    assert len(linked.links) == 1 and linked.links[0].frame == 30


def test_corrections_are_certain_and_what_is_no_box_is_passed_over():
    def people(known):
        tracker = OfflineTracker(None, fps=25, config=LinkingConfig(min_person=0))
        for frame in range(60):
            there = not 20 <= frame < 30
            tracker.update(frame_of([((50 + 3 * frame, 100, 90 + 3 * frame, 200), (0, 0, 255))] if there else [])[0])
        return set(tracker.finish_people(known)[0].ids.tolist())

    one, other = (5, (65.0, 100.0, 105.0, 200.0)), (40, (170.0, 100.0, 210.0, 200.0))
    assert people(None) == {1} and people(Known([], [(one, other)])) == {1, 2}
    assert people(Known([], [(one, (40, (500.0, 100.0, 540.0, 200.0)))])) == {1}
    assert people(Known([], [(one, (25, other[1])), (one, one)])) == {1}


def test_nobody_at_all():
    tracker = OfflineTracker(None)
    people, linked = tracker.finish_people()
    assert not len(people.frames) and not linked.links
    for _ in range(3):
        tracker.update(sv.Detections.empty(), np.zeros((90, 160, 3), np.uint8))
    assert not len(tracker.finish_people()[0].frames)


def test_more_may_follow_after_the_end():
    tracker = OfflineTracker(None, config=LinkingConfig(min_person=0))
    for frame in range(20):
        tracker.update(frame_of([((50, 100, 90, 200), (0, 0, 255))])[0])
        if frame == 9:
            assert len(tracker.finish_people()[0].frames) == 10
    assert len(tracker.finish_people()[0].frames) == 20


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="fps"):
        OfflineTracker(None, fps=0)
    with pytest.raises(InputError):
        OfflineTracker(None).update(sv.Detections.empty(), np.zeros((90, 160), np.uint8))


def test_what_is_known_holds_together_where_read_s_work_is_interrupted():
    class Stopped:
        log_odds = None

        def describe(self, image, detections):
            raise KeyboardInterrupt

        def encode(self, crops):
            pass

        def video_vectors(self, clips):
            return np.zeros((len(clips), 4))

    tracker = OfflineTracker(Stopped(), config=LinkingConfig(min_person=0))
    found, image = frame_of([((50, 100, 90, 200), (0, 0, 255))])
    tracker.update(found)
    with pytest.raises(KeyboardInterrupt):
        tracker.update(found, image)
    assert tracker.finish_people()[0].frames.tolist() == [0, 1]


def test_times_tell_of_frames_that_are_missing():
    standing = sv.Detections(np.array([[10.0, 10, 50, 110]]), confidence=np.array([0.9]))
    times = [*np.arange(20) / 25, *(np.arange(20) / 25 + 2)]
    tracker = OfflineTracker(None, fps=25)
    for time in times:
        tracker.update(standing, time=float(time))
    people, linked = tracker.finish_people()
    assert set(people.ids.tolist()) == {1}
    assert [round(one.gap, 2) for one in linked.links] == [1.24]
    with pytest.raises(InputError, match="later"):
        tracker.update(standing, time=0.0)
