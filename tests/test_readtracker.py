"""Several cameras in one process: each is tracked as if it were alone, and READ's work is done together."""

import numpy as np
import pytest
import supervision as sv

from readtrack import Matcher, ReadTracker, ReadTrackers, TrackerConfig
from readtrack.errors import InputError
from readtrack.street import Street, StreetConfig

FRAMES, APART = 70, 25  # of each camera; between what two cameras see of the one street


@pytest.fixture(scope="module")
def cameras():
    """Three cameras' frames: detections and images, the second with gaps."""
    street = Street(StreetConfig(width=480, height=270, frames=400))
    count = FRAMES + 2 * APART
    images, seen = [street.image(i) for i in range(count)], [street.detections(i) for i in range(count)]
    frames = [[(seen[i + k * APART], images[i + k * APART]) for k in range(3)] for i in range(FRAMES)]
    for i in range(30, 50):
        frames[i][1] = (sv.Detections.empty(), None)
    return frames


def tracks(trackers, frames):
    """Everything that trackers said, camera by camera, with READ's probabilities apart."""
    told, probabilities = [[] for _ in trackers], [[] for _ in trackers]
    for k, (tracker, answers) in enumerate(zip(trackers, frames, strict=True)):
        for answer, decided, associations in answers:
            told[k].append((answer.tracker_id.tobytes(), answer.xyxy.tobytes()))
            told[k] += [(d.frame, d.track, d.xyxy.tobytes(), d.confidence) for d in decided]
            told[k] += [(a.frame, a.track, a.detection, a.reason, a.gap, a.motion_cost) for a in associations]
            probabilities[k] += [(a.probability, a.runner_up) for a in associations]
        told[k] += [(d.frame, d.track, d.xyxy.tobytes()) for d in tracker.finish()]
    return told, probabilities


def test_cameras_together_are_tracked_as_if_alone(cameras):
    matchers = [Matcher.load("read-s", "cpu") for _ in range(3)]
    alone = [ReadTracker(matcher) for matcher in matchers]
    expected = [[(t.update(*f[k]), t.reassignments, t.associations) for f in cameras] for k, t in enumerate(alone)]
    together = ReadTrackers(["a", "b", "c"], Matcher.load("read-s", "cpu"))
    assert together.matcher is together["c"].matcher
    batches = []
    encode = together.matcher.network.encode
    together.matcher.network.encode = lambda pixels: batches.append(len(pixels)) or encode(pixels)
    found = [[], [], []]
    for frame in cameras:
        answers = together.update(*zip(*frame, strict=True))
        for k, (name, answer) in enumerate(zip(together.trackers, answers, strict=True)):
            found[k].append((answer, together[name].reassignments, together[name].associations))
    expected_tracks, expected_probabilities = tracks(alone, expected)
    found_tracks, probabilities = tracks(together.trackers.values(), found)
    assert found_tracks == expected_tracks
    assert sum(map(len, probabilities)) > 5  # READ had a word
    for a, b in zip(probabilities, expected_probabilities, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert together.matcher.encoded == sum(batches) == sum(matcher.encoded for matcher in matchers)
    assert max(batches) > 3


def test_ids_are_separate_and_count_from_one(tiny_model):
    trackers = ReadTrackers(2, Matcher(tiny_model, "cpu"), TrackerConfig(delay=0))
    box = sv.Detections(np.array([[10.0, 10, 50, 100]]), confidence=np.array([0.9]))
    image = np.zeros((120, 160, 3), np.uint8)
    for _ in range(3):
        answers = trackers.update([box, box], [image, image])
    assert [answer.tracker_id.tolist() for answer in answers] == [[1], [1]]
    assert len(trackers) == 2 and trackers[1] is not trackers[0]
    trackers.reset()
    assert [tracker.frame for tracker in trackers.trackers.values()] == [-1, -1]
    assert trackers.finish() == [[], []]


def test_boxes_alone_and_a_tracker_by_itself(cameras, tiny_model):
    trackers = ReadTrackers(3, None, TrackerConfig(delay=0.2))
    for frame in cameras[:10]:
        answers = trackers.update(*zip(*frame, strict=True))
    assert all((answer.tracker_id > 0).any() for answer in answers)
    trackers = ReadTrackers(3, Matcher(tiny_model, "cpu"))
    for frame in cameras[:25]:
        trackers[0].update(*frame[0])  # READ answers at once
    assert trackers[0].frame == 24 and trackers[1].frame == -1


def test_one_bad_camera_holds_up_all_of_them(cameras, tiny_model):
    trackers = ReadTrackers(["door", "hall"], Matcher(tiny_model, "cpu"))
    (seen, image), (other, _), _ = cameras[0]
    with pytest.raises(InputError, match="camera hall: an image given as"):
        trackers.update([seen, other], [image, image[..., 0]])
    assert [tracker.frame for tracker in trackers.trackers.values()] == [-1, -1]
    with pytest.raises(InputError, match="1 detections and 2 images for 2 cameras"):
        trackers.update([seen], [image, image])
    assert len(trackers.update([seen, sv.Detections.empty()], [image, None])) == 2


def test_errors_on_the_way_reach_the_caller_and_a_reset_starts_anew(cameras, tiny_model, monkeypatch):
    class Broken(Exception):
        pass

    def fail(*_):
        raise Broken

    trackers = ReadTrackers(3, Matcher(tiny_model, "cpu"))
    expected = [[a.tracker_id.tolist() for a in trackers.update(*zip(*frame, strict=True))] for frame in cameras[:10]]
    trackers.reset()
    with monkeypatch.context() as patch, pytest.raises(Broken):
        patch.setattr(trackers.matcher, "encode", fail)
        for frame in cameras:
            trackers.update(*zip(*frame, strict=True))
    trackers.reset()
    found = [[a.tracker_id.tolist() for a in trackers.update(*zip(*frame, strict=True))] for frame in cameras[:10]]
    assert found == expected


@pytest.mark.parametrize("cameras", [0, [], ["door", "door"]])
def test_cameras_have_names_of_their_own(cameras):
    with pytest.raises(InputError, match="cameras"):
        ReadTrackers(cameras, None)
