"""Stories over frames. Crops are the names of people; a stub tells them apart."""

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st

from readtrack.boxes import occlusion
from readtrack.errors import InputError
from readtrack.tracking import Tracker, TrackerConfig
from readtrack.tracking.evidence import log_odds

SIZE = (1000, 500)


class ByName:
    """Judges crops, which are names: ``sure`` for the same, ``1 - sure`` for different ones."""

    def __init__(self, sure=0.98):
        self.sure = sure
        self.calls = 0

    def __call__(self, queries, galleries):
        self.calls += 1
        same = np.array([[q == max(set(g), key=g.count) for g in galleries] for q in queries])
        return log_odds(np.where(same, self.sure, 1 - self.sure))


def box(x, y=300.0, height=160.0):
    return [x - 0.2 * height, y - height, x + 0.2 * height, y]


def people(places, confidence=None):
    """Name -> box, as detections whose crops are the names."""
    names = np.empty(len(places), dtype=object)
    names[:] = list(places)
    xyxy = np.array(list(places.values()), dtype=float).reshape(-1, 4)
    scores = np.full(len(places), 0.9) if confidence is None else np.array([confidence[n] for n in places])
    return sv.Detections(xyxy, confidence=scores, class_id=np.zeros(len(places), int), data={"crop": names})


def play(tracker, frames):
    """Feed frames (name -> box); every id that each name's boxes got in the end."""
    ids = {}
    late = []
    seen = {}
    for index, places in enumerate(frames):
        answer = tracker.update(people(places), SIZE)
        late += tracker.reassignments
        for name, track in zip(places, answer.tracker_id, strict=True):
            if track > 0:
                ids.setdefault(name, []).append(int(track))
            seen[index, tuple(places[name])] = name
    late += tracker.finish()
    for decided in late:
        ids.setdefault(seen[decided.frame, tuple(decided.xyxy)], []).append(decided.track)
    return {name: sorted(set(tracks)) for name, tracks in ids.items()}, len(late)


def walk(start, speed, frames, y=300.0):
    return [box(start + speed * i, y) for i in range(frames)]


def test_one_person_keeps_one_id_from_the_first_frame():
    ids, late = play(Tracker(), [{"ann": b} for b in walk(100, 3, 50)])
    assert ids == {"ann": [1]}
    assert late == 2  # the first two boxes waited for the third


def test_answers_keep_order_and_length():
    tracker = Tracker()
    for _ in range(3):
        answer = tracker.update(people({"a": box(100), "b": box(500)}, {"a": 0.9, "b": 0.05}), SIZE)
    assert answer.tracker_id.tolist() == [1, -1]
    assert answer.xyxy.tolist() == [box(100), box(500)]


def test_unambiguous_motion_does_not_call_read():
    judge = ByName()
    ids, _ = play(Tracker(log_odds=judge), [{"a": box(100 + 2 * i), "b": box(600 - 2 * i)} for i in range(60)])
    assert ids == {"a": [1], "b": [2]}
    assert judge.calls == 0


def test_read_sets_right_what_motion_would_swap():
    # Two people meet, are both missed for a while, and turn back: going straight on, they would have swapped.
    meet = [{"a": box(300 + 4 * i), "b": box(500 - 4 * i)} for i in range(19)]
    part = [{"a": box(372 - 4 * i), "b": box(428 + 4 * i)} for i in range(20)]
    frames = meet + [{}] * 14 + part
    assert play(Tracker(), frames)[0] == {"a": [1, 2], "b": [1, 2]}
    assert play(Tracker(log_odds=ByName()), frames)[0] == {"a": [1], "b": [2]}


def test_read_chooses_between_two_who_stand_close():
    # One of two is missed while the other jumps close to where the missed one stood: motion takes the wrong one.
    before = [{"a": box(300), "b": box(400 - 5 * i, y=312)} for i in range(15)]
    after = [{"b": box(308)}] * 2 + [{"b": box(308), "a": box(262)}] * 10
    judge = ByName()
    assert play(Tracker(log_odds=judge), before + after)[0] == {"a": [1], "b": [2]}
    assert judge.calls > 0
    assert play(Tracker(), before + after)[0] != {"a": [1], "b": [2]}


@pytest.mark.parametrize(("gap", "x"), [(20, 460), (60, 800), (400, 90)])
def test_read_brings_a_lost_person_back_wherever(gap, x):
    before, after = walk(300, 2, 40), walk(x, 2, 40)
    frames = [{"a": b} for b in before] + [{}] * gap + [{"a": b} for b in after]
    assert play(Tracker(log_odds=ByName()), frames)[0] == {"a": [1]}
    if gap > 30:
        assert play(Tracker(), frames)[0] == {"a": [1, 2]}  # motion only cannot


def test_a_reidentification_is_reported_with_its_reasons():
    tracker = Tracker(log_odds=ByName())
    frames = [{"a": b, "b": c} for b, c in zip(walk(300, 2, 40), walk(700, 0, 40), strict=True)]
    frames += [{}] * 100 + [{"a": b} for b in walk(500, 2, 12)]
    reported = []
    for places in frames:
        tracker.update(people(places), SIZE)
        reported += tracker.associations
    assert len(reported) == 1
    found = reported[0]
    assert (found.track, found.detection, found.reason) == (1, 0, "reidentified")
    assert 142 <= found.frame < 152
    assert found.gap == 101
    assert found.probability == pytest.approx(0.98, abs=1e-6)
    assert found.runner_up == pytest.approx(0.02, abs=1e-6)
    assert 0 <= found.motion_cost <= 1


def test_a_stranger_gets_an_id_of_their_own():
    frames = [{"a": b} for b in walk(300, 2, 40)] + [{}] * 60 + [{"stranger": b} for b in walk(320, 2, 40)]
    assert play(Tracker(log_odds=ByName()), frames)[0] == {"a": [1], "stranger": [2]}


@pytest.mark.parametrize(("sure", "track"), [(0.55, 2), (0.8, 1)])
def test_who_is_undecided_waits_for_max_delay_and_then_takes_what_is_likelier(sure, track):
    tracker = Tracker(TrackerConfig(max_delay=1), ByName(sure=sure))
    frames = [{"a": b} for b in walk(300, 2, 40)] + [{}] * 60 + [{"a": b} for b in walk(320, 2, 40)]
    given = []
    for places in frames:
        given.append(tracker.update(people(places), SIZE).tracker_id.tolist())
        if tracker.reassignments:
            settled = [late.frame for late in tracker.reassignments]
    assert given[100:125] == [[-1]] * 25
    assert given[125:] == [[track]] * 15
    assert settled == list(range(100, 125))


def test_nobody_comes_back_faster_than_people_move():
    frames = [{"a": b} for b in walk(50, 0, 40)] + [{}] * 30 + [{"a": box(950, height=60)}] * 30
    assert play(Tracker(log_odds=ByName()), frames)[0] == {"a": [1, 2]}


def test_nobody_is_in_two_places():
    frames = [{"a": b} for b in walk(100, 1, 30)] + [{"a": box(130), "twin": box(800)}] * 40
    judge = lambda queries, galleries: np.full((len(queries), len(galleries)), 4.6)  # noqa: E731
    assert play(Tracker(log_odds=judge), frames)[0] == {"a": [1], "twin": [2]}


def test_beyond_max_age_a_person_is_new():
    frames = [{"a": b} for b in walk(300, 2, 40)] + [{}] * 120 + [{"a": b} for b in walk(320, 2, 40)]
    config = TrackerConfig(max_age=4)
    assert play(Tracker(config, ByName()), frames)[0] == {"a": [1, 2]}


def test_weak_detections_continue_tracks_but_start_none():
    tracker = Tracker()
    for i in range(40):
        weak = 0.2 if 10 <= i < 30 else 0.9
        answer = tracker.update(people({"a": box(100 + i), "ghost": box(700)}, {"a": weak, "ghost": 0.3}), SIZE)
        assert answer.tracker_id.tolist() == [-1 if i < 2 else 1, -1]


def test_occluded_and_truncated_crops_are_not_remembered():
    tracker = Tracker(log_odds=ByName())
    front, behind, cut = box(300, y=320), box(332, y=300), [0.0, 100.0, 40.0, 260.0]
    for _ in range(10):
        tracker.update(people({"front": front, "behind": behind, "cut": cut}), SIZE)
    memories = sorted((track.gallery.crops for track in tracker.tracks), key=len)
    assert memories[:2] == [[], []]
    assert set(memories[2]) == {"front"}


def test_occlusion_spares_those_in_front():
    xyxy = np.array([[0, 0, 10, 10], [5, 0, 15, 11], [100, 0, 110, 10], [100, 0, 110, 10.2]], dtype=float)
    share = occlusion(xyxy)
    assert share[0].tolist() == [0, 0.5, 0, 0]  # the second stands lower, in front of it
    assert share[1, 0] == pytest.approx(0.4 * 50 / 110)
    assert share[2, 3] == 1 and share[3, 2] > 0.9  # as far away as one another: neither is seen clearly
    assert occlusion(np.zeros((0, 4))).shape == (0, 0)


def test_the_gallery_is_spread_over_life_and_bounded():
    tracker = Tracker(TrackerConfig(gallery_size=8), ByName())
    for i in range(500):
        names = np.empty(1, dtype=object)
        names[:] = [i]
        tracker.update(sv.Detections(np.array([box(100 + i)]), confidence=np.ones(1), data={"crop": names}), SIZE)
    crops = tracker.tracks[0].gallery.crops
    assert len(crops) <= 8
    steps = np.diff(crops)
    assert (steps == steps[0]).all()
    assert crops[0] < 10 and crops[-1] > 350


def test_lost_people_are_bounded():
    tracker = Tracker(TrackerConfig(max_lost=5), ByName())
    for person in range(30):
        for _ in range(4):
            tracker.update(people({f"p{person}": box(100 + 25 * person)}), SIZE)
        for _ in range(5):
            tracker.update(people({}), SIZE)
    assert len(tracker.tracks) <= 6


def test_instances_share_nothing_and_reset_starts_anew():
    one, other = Tracker(), Tracker()
    frames = [{"a": b, "b": c} for b, c in zip(walk(100, 1, 10), walk(600, 1, 10), strict=True)]
    assert play(one, frames)[0] == play(other, frames)[0] == {"a": [1], "b": [2]}
    one.reset()
    assert play(one, frames)[0] == {"a": [1], "b": [2]}


def test_hostile_boxes_are_left_alone():
    tracker = Tracker(log_odds=ByName())
    bad = {"nan": [np.nan, 0, 10, 10], "inf": [0, 0, np.inf, 10], "flat": [5, 5, 5, 50], "turned": [50, 50, 10, 10]}
    for _ in range(5):
        found = people({name: [0, 0, 1, 1] for name in bad} | {"good": box(300), "off": [-900, -900, -800, -700]})
        found.xyxy[: len(bad)] = list(bad.values())  # as a detector's own code may do after making them
        answer = tracker.update(found, SIZE)
    assert answer.tracker_id[:4].tolist() == [-1] * 4
    assert answer.tracker_id[4] > 0


def test_empty_frames_and_missing_confidence():
    tracker = Tracker()
    for _ in range(3):
        assert tracker.update(sv.Detections.empty()).tracker_id.tolist() == []
    for _ in range(3):
        answer = tracker.update(sv.Detections(np.array([box(100)])))
    assert answer.tracker_id.tolist() == [1]


@given(st.lists(st.lists(st.tuples(*[st.floats(-50, 400, width=32)] * 4), max_size=5), max_size=12))
@settings(max_examples=60)
def test_any_boxes_give_unique_ids(frames):
    tracker = Tracker(TrackerConfig(min_hits=1), ByName())
    for boxes in frames:
        ids = tracker.update(people({f"p{i}": box for i, box in enumerate(boxes)}), SIZE).tracker_id
        assert len(np.unique(ids[ids > 0])) == (ids > 0).sum()


def tell(ledger, tracker, frame, places, answer):
    """Keep who is who: (frame, box) -> id. What is told again must have been told as it says."""
    for where, track in zip(places.values(), answer.tracker_id, strict=True):
        if track > 0:
            ledger[frame, tuple(where)] = int(track)
    for late in tracker.reassignments:
        assert late.previous_id in (-1, ledger.get((late.frame, tuple(late.xyxy)), -1))
    ledger.update({(late.frame, tuple(late.xyxy)): late.track for late in tracker.reassignments})
    told = [(when, track) for (when, _), track in ledger.items()]
    assert len(set(told)) == len(told)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_no_id_is_ever_in_two_places_whatever_read_says(seed):
    """A crowd that jitters, hides and swaps, judged by chance: every id once a frame, also among boxes told late."""

    def run():
        rng = np.random.default_rng(seed)
        tracker = Tracker(
            TrackerConfig(min_comparisons=1, max_delay=0.4),
            lambda q, g: log_odds(rng.uniform(0, 1, (len(q), len(g))) ** 0.2),
        )
        ledger = {}
        for i in range(80):
            places = {
                f"p{k}": box(500 + 120 * np.sin(i / 9 + k) + rng.normal(0, 4), 300 + 6 * k)
                for k in range(5)
                if rng.random() < 0.8 and (i + 13 * k) % 40 > 12
            }
            tell(ledger, tracker, i, places, tracker.update(people(places), SIZE))
        tracker.finish()
        tell(ledger, tracker, 80, {}, tracker.update(sv.Detections.empty()))
        return ledger

    assert run() == run()


def test_boxes_reported_under_a_wrong_id_are_reported_again():
    # Two people walk into each other and turn back: motion goes straight on, and occluded crops are not compared.
    way = [300 + 5 * i for i in range(20)] + [395 - 5 * i for i in range(40)]
    frames = [{"a": box(x), "b": box(800 - x)} for x in way]
    tracker, ledger, corrected = Tracker(TrackerConfig(occluded_weight=0), ByName()), {}, []
    for i, places in enumerate(frames):
        tell(ledger, tracker, i, places, tracker.update(people(places), SIZE))
        corrected += [late for late in tracker.reassignments if late.previous_id > 0]
    assert {(late.previous_id, late.track) for late in corrected} == {(1, 2), (2, 1)}
    names = {(i, tuple(where)): name for i, places in enumerate(frames) for name, where in places.items()}
    wrong = {key[0] for key, track in ledger.items() if track != {"a": 1, "b": 2}[names[key]]}
    assert wrong <= {18, 19, 20, 21}  # where they touch, nobody knows
    assert len(ledger) == 2 * len(frames)


def test_an_occluded_crop_counts_less_but_counts():
    front, behind = box(300, y=320), box(332, y=300)
    judged = []

    def judge(queries, galleries):
        judged.extend(queries)
        return ByName(0.99)(queries, galleries)

    config = TrackerConfig(unambiguous_share=1, occluded_weight=0.5)
    tracker = Tracker(config, judge)
    for _ in range(10):
        tracker.update(people({"behind": behind}), SIZE)
    reported = []
    for _ in range(3):
        tracker.update(people({"behind": behind, "front": front}), SIZE)
        reported += [a for a in tracker.associations if a.track == 1]
    assert "behind" in judged
    assert max(a.probability for a in reported) == pytest.approx(1 / (1 + (0.01 / 0.99) ** 0.5), abs=1e-3)
    untold = Tracker(TrackerConfig(unambiguous_share=1, occluded_weight=0), ByName(0.99))
    for _ in range(10):
        untold.update(people({"behind": behind}), SIZE)
    untold.update(people({"behind": behind, "front": front}), SIZE)
    assert not [a for a in untold.associations if a.track == 1]


def test_a_second_box_on_somebody_starts_no_track():
    tracker = Tracker()
    for i in range(10):
        twice = {"a": box(100 + i), "again": box(103 + i), "beside": box(140 + i)}
        ids = tracker.update(people(twice, {"a": 0.95, "again": 0.9, "beside": 0.9}), SIZE).tracker_id.tolist()
    assert ids[1] == -1 and ids[0] > 0 and ids[2] > 0


def test_who_was_never_seen_whole_is_known_by_a_fallback_crop():
    cut = [0.0, 100.0, 40.0, 260.0]
    frames = [{"a": cut}] * 20 + [{}] * 60 + [{"a": b} for b in walk(300, 2, 40)]
    assert play(Tracker(log_odds=ByName()), frames)[0] == {"a": [1]}
    assert play(Tracker(TrackerConfig(truncated_weight=0), ByName()), frames)[0] == {"a": [1, 2]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_iou": 2},
        {"fps": 0},
        {"max_age": -1},
        {"match_probability": 0.1, "new_probability": 0.5},
        {"min_hits": 0},
        {"fps": np.nan},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        TrackerConfig(**wrong)


def test_who_was_missed_while_leaving_is_not_continued_by_the_next_at_the_edge():
    # ann walks out and is not seen for a third of a second; then bob comes in where she went.
    out = [{"ann": box(58 - 2 * i)} for i in range(20)]
    comes = [{"bob": box(12 + 3 * i)} for i in range(25)]
    frames = [*out, *[{}] * 10, *comes]
    assert play(Tracker(), frames)[0] == {"ann": [1], "bob": [2]}
    assert play(Tracker(TrackerConfig(border_penalty=0)), frames)[0] == {"ann": [1], "bob": [1]}
    middle = [*out[:8], *[{}] * 10, *[{"ann": b["ann"]} for b in out[8:]]]  # away from the edge she is found again
    assert play(Tracker(), middle)[0] == {"ann": [1]}


def test_whoever_answers_the_questions_gets_what_update_gives():
    frames = [{"a": b, "b": c} for b, c in zip(walk(300, 2, 40), walk(700, 0, 40), strict=True)]
    frames += [{}] * 100 + [{"a": b} for b in walk(500, 2, 12)]
    judge, asking, updated = ByName(), Tracker(log_odds=ByName()), Tracker(log_odds=ByName())
    for places in frames:
        steps, answer = asking.steps(people(places), SIZE), None
        while True:
            try:
                answer = judge(*steps.send(answer))
            except StopIteration as end:
                ids = end.value.tracker_id
                break
        assert ids.tolist() == updated.update(people(places), SIZE).tracker_id.tolist()
        assert asking.associations == updated.associations
    assert judge.calls > 0


def test_how_detections_meet_tracks_is_handed_in():
    # Somebody who knows tracks them by their row: motion has no say, however far they jump.
    def by_row(now, tracks, identities):
        yield from ()
        assert (identities.count, now.frame) == (len(tracks), now.frame)
        return [(track, index) for index, track in enumerate(tracks)]

    tracker = Tracker(TrackerConfig(min_hits=1), associate=by_row)
    for x in (100, 700, 50, 400):
        ids = tracker.update(people({"a": box(x), "b": box(800 - x)})).tracker_id.tolist()
        assert ids == [1, 2] and [index for _, index in tracker.matches] == [0, 1]


def test_predictions_tell_whom_motion_may_find_again():
    tracker = Tracker()
    assert tracker.predictions == []
    for x in range(100, 120):
        tracker.update(people({"a": box(x), "b": box(600)}))
    for _ in range(5):
        tracker.update(people({"b": box(600)}))
    ann, bob = tracker.predictions
    assert (ann.track, ann.gap, bob.track, bob.gap) == (1, 5, 2, 0)
    assert ann.xyxy[0] > box(119)[0] and np.abs(bob.xyxy - box(600)).max() < 1
    for _ in range(30):
        tracker.update(people({"b": box(600)}))
    assert [found.track for found in tracker.predictions] == [2]
