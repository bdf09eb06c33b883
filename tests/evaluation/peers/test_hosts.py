"""Other people's trackers behind one door: each follows people, and who cannot take part is told."""

import sys
from types import ModuleType

import numpy as np
import pytest
import supervision as sv
from embeddings import make_peer
from filmed import Scripted, film, late
from painted import ByColour, at

from readtrack.errors import InputError
from readtrack.evaluation.peers import PEERS, HostError, Setup, load_vectors, make, pick, registry, unable
from readtrack.evaluation.peers.peer import Host
from readtrack.evaluation.playback import replay

pytestmark = pytest.mark.filterwarnings("ignore")  # what hosts say while they are imported

WALK = [{"ann": at(100 + 3 * i), "bob": at(560 - 3 * i, y=350)} for i in range(30)] + [{}] * 3


def entered(name, pixels, reid=True):
    if why := unable(name, pixels, reid):
        pytest.skip(why)
    return make(
        name, Setup(25.0, pixels, (lambda xyxy, image: ByColour().embed(image, xyxy)[0]) if reid else None, ByColour())
    )


def check(replayed, recording):
    """Everybody is followed, most of the time, under one id from 1, in boxes of the detector."""
    ids = {}
    for frame, people in replayed.tracks.items():
        found = recording.detections(frame).xyxy
        for box, number in zip(people.xyxy, people.tracker_id, strict=True):
            (row,) = np.flatnonzero((np.abs(found - box) < 1e-6).all(axis=1))
            ids.setdefault(row, []).append(number)
    assert {len(set(numbers)) for numbers in ids.values()} == {1} and len(ids) == 2
    assert min(map(len, ids.values())) >= 20 and min(min(numbers) for numbers in ids.values()) >= 1
    assert ids[0][0] != ids[1][0]
    assert replayed.frames == list(range(len(WALK))) and replayed.seconds > 0 and replayed.frames_per_second > 0


@pytest.mark.parametrize("name", PEERS)
def test_each_follows_two_people(name):
    recording = film(WALK)
    check(replay(entered(name, True), recording), recording)


@pytest.mark.parametrize("name", PEERS)
def test_those_who_can_follow_them_without_pixels(name):
    recording = film(WALK, pixels=False)
    check(replay(entered(name, False, reid=False), recording), recording)


def test_ids_that_proved_wrong_are_exchanged():
    story = [{"ann": at(100), "bob": at(400)}] * 3
    ann, bob = (tuple(box) for box in film(story).detections(0).xyxy)
    decide = {2: [late(1, ann, 2, previous_id=1), late(1, bob, 1, previous_id=2)]}
    replayed = replay(Scripted(lambda f, seen: [1, 2], lambda f: decide.get(f, ())), film(story))
    told = {f: dict(zip(map(tuple, t.xyxy), t.tracker_id.tolist(), strict=True)) for f, t in replayed.tracks.items()}
    assert told == {0: {ann: 1, bob: 2}, 1: {ann: 2, bob: 1}, 2: {ann: 1, bob: 2}}


def test_nobody_sees_more_than_boxes_and_late_boxes_are_filled_in():
    recording = film([{"ann": at(100)}] * 4)
    recording.detections(0).data["person"] = np.array([1])
    decide = {2: [late(0, at(100), 7), late(1, at(100), 7)]}
    tracker = Scripted(lambda f, seen: [7 if f == 2 else -1], lambda f: decide.get(f, ()), [late(3, at(100), 8)])
    told = []
    replayed = replay(tracker, recording, report=lambda: told.append(1))
    assert {f: people.tracker_id.tolist() for f, people in replayed.tracks.items()} == {0: [7], 1: [7], 2: [7], 3: [8]}
    assert replayed.known == {(0, 7): 2, (1, 7): 2, (2, 7): 2, (3, 8): 3}
    assert len(told) == 4
    empty = replay(Scripted(lambda f, seen: [1] * len(seen)), recording, lambda i: sv.Detections.empty())
    assert empty.tracks == {} and empty.frames == [0, 1, 2, 3]
    assert replay(Scripted(None), film([])).frames == []


def test_a_host_that_breaks_down_is_told_in_one_line():
    def step(found, image):
        raise ZeroDivisionError("by nothing\nat all")

    with pytest.raises(HostError) as told:
        replay(Host("host", step), film(WALK))
    assert str(told.value) == "host broke down (ZeroDivisionError: by nothing)"


def test_who_cannot_take_part_is_told(monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name in ("boxmot", "trackers") else name)
    assert unable("boxmot-botsort", True, True).startswith('boxmot is not installed: pip install "readtrack[boxmot]"')
    assert 'readtrack[trackers]"' in unable("trackers-sort", False, False)
    assert unable("readtrack", True, False) is None and unable("readtrack-boxes", False, False) is None
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == "pkg_resources" else name)
    assert "no pixels" in unable("readtrack", False, True) and "no pixels" in unable("boxmot-botsort", False, True)
    assert unable("boxmot-botsort", False, False) is None
    assert "needs a re-ID network" in unable("boxmot-strongsort", True, False)
    assert "pkg_resources" in unable("deep-sort-realtime", True, False)
    assert unable("deep-sort-realtime", True, True) is None
    with pytest.raises(InputError, match="'sort' is unknown: choose from readtrack, "):
        pick(["sort"])
    assert list(pick(["trackers-sort", "readtrack"])) == ["readtrack", "trackers-sort"] and pick([]) == PEERS


def test_a_host_of_another_version_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackers", ModuleType("trackers"))
    with pytest.raises(InputError, match="trackers-sort: this trackers cannot be used .*SORTTracker"):
        make("trackers-sort", Setup(25.0, True))


def test_vectors_of_a_file_are_unit_and_whole(tmp_path):
    vectors = load_vectors(str(make_peer(tmp_path / "peer.onnx")))
    image = np.full((60, 60, 3), (200, 40, 40), np.uint8)
    found = vectors(np.array([[0, 0, 30, 60], [70, 70, 90, 90], [10, 10, 40, 50]]), image)
    assert found.shape == (3, 3) and np.allclose(np.linalg.norm(found, axis=1), 1)
    assert np.allclose(found[0], found[2], atol=1e-3) and found[1].tolist() == [1, 0, 0]
    assert vectors(np.zeros((0, 4)), image).shape == (0, 3)
    with pytest.raises(InputError, match="nowhere"):
        load_vectors("nowhere.onnx")
    with pytest.raises(InputError, match="nowhere"):
        load_vectors("nowhere")
