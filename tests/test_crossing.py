"""Live over cameras: one id for one person in all of them, soon, and corrected where it proves wrong."""

import numpy as np
import pytest
from painted import ByColour, at, paint

from readtrack import ReadTrackers, TrackerConfig


def walk(name, begin, length=60, start=100):
    return {frame: {name: at(start + 3 * (frame - begin))} for frame in range(begin, begin + length)}


def run(films, frames, matcher=None, **settings):
    """Ids of each camera, by name, as they stand in the end; what was told at first; and the trackers."""
    trackers = ReadTrackers(len(films), matcher or ByColour(), TrackerConfig(fps=25), together=True, **settings)
    final = [{} for _ in films]  # (frame, box) -> id
    first = [{} for _ in films]
    places = {}
    for frame in range(frames):
        shots = [paint(film[frame]) if film.get(frame) else paint({}) for film in films]
        answers = trackers.update([found for _, found in shots], [image for image, _ in shots])
        for camera, answer in enumerate(answers):
            for name, box, track in zip(films[camera].get(frame, {}), answer.xyxy, answer.tracker_id, strict=True):
                places[camera, frame, tuple(np.round(box, 2))] = name
                final[camera][frame, tuple(np.round(box, 2))] = int(track)
                if track > 0:
                    first[camera].setdefault(name, int(track))
            correct(final[camera], trackers[camera].reassignments)
    for camera, late in enumerate(trackers.finish()):
        correct(final[camera], late)
    ids = [{} for _ in films]
    for camera, told in enumerate(final):
        for (frame, box), track in told.items():
            if (camera, frame, box) in places:
                ids[camera].setdefault(places[camera, frame, box], set()).add(track)
    return ids, first, trackers


def correct(told, reassignments):
    for one in reassignments:
        key = one.frame, tuple(np.round(one.xyxy, 2))
        if one.previous_id > 0:
            assert told[key] == one.previous_id
        told[key] = one.track


def test_who_goes_from_one_camera_to_the_next_keeps_the_id():
    films = [walk("ann", 0) | walk("bob", 150), walk("ann", 120), walk("cid", 10)]
    ids, first, _ = run(films, 260)
    assert ids[0]["ann"] == ids[1]["ann"] and first[1]["ann"] == first[0]["ann"]
    told = [ids[0]["ann"], ids[0]["bob"], ids[2]["cid"]]
    assert all(len(own) == 1 for own in told) and len(set.union(*told)) == 3


def test_cameras_that_overlap_share_an_id_at_once_and_others_do_not():
    films = [walk("ann", 0, 120, 50), walk("ann", 20, 120, 50)]
    ids, *_ = run(films, 150)
    assert ids[0]["ann"] == ids[1]["ann"]
    ids, *_ = run(films, 150, apart=True)
    assert not ids[0]["ann"] & ids[1]["ann"]


def test_what_was_told_too_soon_is_corrected():
    """Cameras that are apart show one colour at once: at first that is taken for one person, then for two."""
    films = [walk("ann", 0, 100, 50), walk("ann", 55, 100, 50)]
    ids, first, trackers = run(films, 160, apart=True)
    assert all(len(own) == 1 for camera in ids for own in camera.values())
    assert not ids[0]["ann"] & ids[1]["ann"]
    assert first[0]["ann"] == 1
    assert len(trackers) == 2


def test_without_crops_ids_are_common_but_nobody_is_known_elsewhere():
    trackers = ReadTrackers(2, None, TrackerConfig(fps=25, delay=0), together=True)
    seen = [paint({"ann": at(100)}), paint({"ann": at(100)})]
    for _ in range(5):
        one, other = trackers.update([found for _, found in seen], [image for image, _ in seen])
    assert {*one.tracker_id, *other.tracker_id} == {1, 2}
    trackers.reset()
    one, other = trackers.update([found for _, found in seen], [image for image, _ in seen])
    assert {*one.tracker_id, *other.tracker_id} == {1, 2}


def test_what_is_remembered_is_bounded():
    trackers = ReadTrackers(2, ByColour(), TrackerConfig(fps=25, delay=0.2, correction=0.2, max_age=2), together=True)
    for frame in range(400):
        shots = [paint({"ann": at(100 + frame % 50)} if frame % 100 < 50 else {}), paint({})]
        trackers.update([found for _, found in shots], [image for image, _ in shots])
    assert len(trackers[0].live.names) <= 2


@pytest.mark.parametrize("count", [1, 3])
def test_predictions_and_associations_bear_the_same_ids(count):
    films = [walk("bob", 0), *[walk("ann", 5)] * (count - 1)]
    trackers = ReadTrackers(count, ByColour(), TrackerConfig(fps=25, delay=0), together=True)
    for frame in range(40):
        shots = [paint(film.get(frame, {})) for film in films]
        answers = trackers.update([found for _, found in shots], [image for image, _ in shots])
    for camera, answer in enumerate(answers):
        assert [one.track for one in trackers[camera].predictions] == answer.tracker_id.tolist()
