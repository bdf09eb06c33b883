"""The drawn street: the same bytes every time, exact truth, planned absences, simulated detections."""

import time

import numpy as np
import pytest

from readtrack import boxes
from readtrack.errors import InputError
from readtrack.street import Absence, Street, StreetConfig

SMALL = {"width": 320, "height": 180}


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(StreetConfig(**SMALL))


def sights(street: Street) -> dict[int, dict[int, tuple[float, np.ndarray]]]:
    """Visibility and box by person and frame."""
    seen: dict[int, dict[int, tuple[float, np.ndarray]]] = {}
    for index in range(len(street)):
        truth = street.truth(index)
        for person, share, box in zip(truth.tracker_id, truth.data["visibility"], truth.xyxy, strict=True):
            seen.setdefault(int(person), {})[index] = (float(share), box)
    return seen


@pytest.fixture(scope="module")
def seen(street: Street) -> dict[int, dict[int, tuple[float, np.ndarray]]]:
    return sights(street)


def test_the_same_settings_give_the_same_bytes_in_any_order():
    config = StreetConfig(seed=3, width=240, height=135, shake=1.0)
    one, other = Street(config), Street(config)
    forward = {i: one.image(i).tobytes() for i in (0, 7, 199)}
    backward = {i: other.image(i).tobytes() for i in (199, 7, 0)}
    assert forward == backward
    assert len(set(forward.values())) == 3
    for index in (199, 7):
        a, b = one.detections(index), other.detections(index)
        np.testing.assert_array_equal(a.xyxy, b.xyxy)
        np.testing.assert_array_equal(a.confidence, b.confidence)
        np.testing.assert_array_equal(one.truth(index).xyxy, other.truth(index).xyxy)
    elsewhere = Street(StreetConfig(seed=4, width=240, height=135, shake=1.0))
    assert elsewhere.image(7).tobytes() != forward[7]


def test_an_image_is_bgr_of_the_size_asked_for(street: Street):
    image = street.image(20)
    assert image.shape == (180, 320, 3) and image.dtype == np.uint8
    assert street.size == (320, 180) and street.fps == 25.0 and len(street) == 400
    assert image[:8].mean(axis=(0, 1))[0] > 100  # sky or light walls above


@pytest.mark.parametrize("shake", [0.0, 2.0])
def test_boxes_contain_the_drawn_pixels_tightly(shake: float):
    """One person alone: the pixels that differ from the empty street are the person and the shadow."""
    alone = {"people": 1, "hidden": 0, "returning": 0, "lookalikes": 0, "noise": 0, "lighting": 0}
    config = StreetConfig(**alone, width=640, height=360, shake=shake)
    street, empty = Street(config), Street(config)
    empty._plan.present = lambda _: iter(())  # type: ignore[method-assign]
    checked = 0
    for index in range(0, 400, 31):
        truth = street.truth(index)
        if not len(truth) or truth.data["visibility"][0] < 1:
            continue
        changed = np.abs(street.image(index).astype(int) - empty.image(index)).max(axis=2) > 40
        x0, y0, x1, y1 = truth.xyxy[0]
        if x0 < 30 or x1 > 610:
            continue  # the shadow alone may reach into the image
        above = changed[: int(y1 - 0.12 * (y1 - y0))]  # above the shadow on the ground
        columns, rows = np.flatnonzero(above.any(axis=0)), np.flatnonzero(above.any(axis=1))
        assert abs(rows[0] - y0) <= 3
        assert columns[0] >= x0 - 2 and columns[-1] + 1 <= x1 + 2
        checked += 1
    assert checked >= 3


def test_a_box_lies_in_the_image_and_has_the_height_of_its_depth(street: Street, seen):
    for frames in seen.values():
        for share, (x0, y0, x1, y1) in frames.values():
            assert 0 <= x0 < x1 <= 320 and 0 <= y0 < y1 <= 180
            assert 0 <= share <= 1
            whole = x0 > 1 and x1 < 319 and y1 < 179
            assert not whole or 28 <= y1 - y0 <= 96  # 85 to 290 at 960 x 540


def test_planned_people_hide_and_come_out_on_another_side(street: Street, seen):
    hidden = [absence for absence in street.absences if absence.kind == "hidden"]
    planned = [absence for absence in hidden if 30 <= absence.last - absence.first + 1 <= 55]
    assert len(planned) >= 3 and len({absence.person for absence in planned}) >= 3
    for absence in planned:
        frames = seen[absence.person]
        assert all(frames[i][0] < 0.1 for i in range(absence.first, absence.last + 1))
        assert frames[absence.first - 1][0] >= 0.1 and frames[absence.last + 1][0] >= 0.1


def test_planned_people_leave_and_return_elsewhere(street: Street, seen):
    away = [absence for absence in street.absences if absence.kind == "away"]
    planned = [absence for absence in away if 80 <= absence.last - absence.first + 1 <= 120]
    assert len(planned) >= 3
    for absence in planned:
        frames = seen[absence.person]
        assert not any(frames.get(i, (0.0,))[0] >= 0.1 for i in range(absence.first, absence.last + 1))
        left, back = frames[absence.first - 1][1], frames[absence.last + 1][1]
        assert abs(boxes.xyxy_to_xyah(left[None])[0, 0] - boxes.xyxy_to_xyah(back[None])[0, 0]) > 200


def test_people_are_in_sight_around_their_planned_absence(street: Street, seen):
    for absence in street.absences:
        frames = seen[absence.person]
        assert sum(share >= 0.1 for i, (share, _) in frames.items() if i < absence.first) >= 50
        assert sum(share >= 0.1 for i, (share, _) in frames.items() if i > absence.last) >= 50


def test_every_long_stretch_out_of_sight_is_told(street: Street, seen):
    expected = []
    for person, frames in seen.items():
        shown = sorted(i for i, (share, _) in frames.items() if share >= 0.1)
        for last, following in zip(shown[:-1], shown[1:], strict=True):
            if following - last - 1 > 15:
                expected.append((person, last + 1, following - 1))
    assert sorted((a.person, a.first, a.last) for a in street.absences) == sorted(expected)


def test_ids_move_steadily(seen):
    """Nobody jumps while in the image, so an id stays with one person."""
    assert set(seen) <= set(range(1, 13)) and len(seen) >= 10
    for frames in seen.values():
        for index, (_, box) in frames.items():
            after = frames.get(index + 1, (0, box))[1]
            within = min(box[0], after[0]) > 1 and max(box[2], after[2]) < 319
            assert not within or np.abs(after - box).max() < 9


def test_a_person_wears_the_same_clothes_after_an_absence(street: Street, seen):
    """The colours between shoulder and hip agree before and after, and differ between people."""

    def clothes(person: int, index: int) -> np.ndarray:
        x0, y0, x1, y1 = seen[person][index][1]
        image, middle = street.image(index), (x0 + x1) / 2
        patch = image[int(y0 + 0.25 * (y1 - y0)) : int(y0 + 0.42 * (y1 - y0)), int(middle - 2) : int(middle + 3)]
        return patch.reshape(-1, 3).mean(axis=0)

    plain = {}
    for person, frames in seen.items():
        shown = [i for i, (share, box) in frames.items() if share == 1 and box[0] > 2 and box[2] < 318]
        if len(shown) > 60 and street._looks[person - 1].pattern == "plain":
            plain[person] = np.array([clothes(person, i) for i in shown[:: len(shown) // 6]])
    assert plain
    for colours in plain.values():
        assert np.median(np.abs(colours - np.median(colours, axis=0))) < 25


def test_lookalikes_share_their_clothes_but_not_everything(street: Street):
    looks = street._looks
    for a, b in ((looks[0], looks[1]), (looks[2], looks[3])):
        assert (a.pattern, a.legs, a.hat) == (b.pattern, b.legs, b.hat)
        assert a != b and a.shoes != b.shoes
    tops = {look.top for i, look in enumerate(looks) if i not in (1, 3)}
    assert len(tops) == 10


def test_detections_follow_the_truth_with_the_promised_recall(street: Street):
    plain = found = low = low_found = 0
    confidence: dict[bool, list[float]] = {True: [], False: []}
    for index in range(0, 400, 3):
        truth, reported = street.truth(index), street.detections(index)
        assert (reported.class_id == 0).all() and reported.confidence.dtype == np.float64
        assert len(set(reported.data["person"][reported.data["person"] > 0])) == (reported.data["person"] > 0).sum()
        overlap = boxes.iou(truth.xyxy, reported.xyxy)
        for i, (person, share) in enumerate(zip(truth.tracker_id, truth.data["visibility"], strict=True)):
            match = np.flatnonzero(reported.data["person"] == person)
            inside = truth.xyxy[i, 0] > 1 and truth.xyxy[i, 2] < 319
            if share > 0.7 and inside:
                plain, found = plain + 1, found + len(match)
                assert not len(match) or overlap[i, match[0]] > 0.6
            if share < 0.2:
                low, low_found = low + 1, low_found + len(match)
            if len(match):
                confidence[share > 0.9].append(float(reported.confidence[match[0]]))
    assert 0.95 <= found / plain <= 0.99
    assert low > 50 and low_found == 0
    assert np.mean(confidence[True]) > np.mean(confidence[False]) + 0.1


def test_false_alarms_are_nobody_and_as_many_as_asked_for():
    street = Street(StreetConfig(**SMALL, false_alarms=2.0, miss_rate=1.0))
    alarms = [street.detections(index) for index in range(100)]
    assert all((alarm.data["person"] == -1).all() for alarm in alarms)
    assert 150 < sum(len(alarm) for alarm in alarms) < 250


def test_shake_moves_every_box_alike():
    still, shaken = (Street(StreetConfig(**SMALL, shake=shake)) for shake in (0.0, 3.0))
    moves = []
    for index in range(0, 120, 8):
        a, b = still.truth(index), shaken.truth(index)
        both = [p for p in a.tracker_id if p in b.tracker_id]
        before, after = (t.xyxy[[list(t.tracker_id).index(p) for p in both]] for t in (a, b))
        free = (before[:, 0] > 10) & (before[:, 2] < 310) & (before[:, 3] < 170)
        move = (after - before)[free]
        if len(move) > 1:
            assert np.ptp(move[:, [0, 2]]) < 1e-6 and np.ptp(move[:, [1, 3]]) < 1e-6
            moves.append(move[0, :2])
    assert 1.5 < np.sqrt(np.mean(np.square(moves))) < 4.5


def test_a_long_clip_is_at_hand_anywhere():
    street = Street(StreetConfig(**SMALL, frames=20000))
    begin = time.process_time()
    there = [len(street.truth(index)) for index in (19999, 12, 15000, 4321, 10000)]
    assert time.process_time() - begin < 5
    assert sum(there) > 8
    ids = {int(p) for index in range(700, 1900, 60) for p in street.truth(index).tracker_id}
    assert len(ids) >= 9  # people keep coming back


def test_a_street_may_be_empty_and_still_has_detections():
    street = Street(StreetConfig(width=160, height=90, people=1, hidden=0, returning=0, lookalikes=0, frames=2000))
    empty = next(index for index in range(2000) if not len(street.truth(index)))
    truth, reported = street.truth(empty), street.detections(empty)
    assert truth.xyxy.shape == (0, 4) and truth.tracker_id.shape == (0,)
    assert reported.xyxy.shape[1] == 4 and (reported.data["person"] == -1).all()


@pytest.mark.parametrize("index", [-1, 400])
def test_a_frame_outside_the_clip_is_an_error(street: Street, index: int):
    for method in (street.image, street.truth, street.detections):
        with pytest.raises(IndexError):
            method(index)


@pytest.mark.parametrize(
    "options",
    [
        {"width": 100, "height": 200},
        {"height": 10},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"frames": 0},
        {"people": 4},
        {"people": 3, "hidden": 0, "returning": 0},
        {"shake": -1.0},
        {"lighting": float("inf")},
        {"miss_rate": 1.5},
        {"seed": -1},
        {"people": 2.5},
    ],
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(InputError):
        StreetConfig(**options)


def test_an_absence_says_who_and_when():
    assert Absence(1, "away", 3, 20).last == 20
