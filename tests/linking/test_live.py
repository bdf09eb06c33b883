"""Live linking: stories with hand-made boxes; what is told when, and what holds of any input."""

import numpy as np
import pytest

from readtrack.linking.live import LivePeople
from readtrack.linking.settings import LinkingConfig
from readtrack.linking.similarity import Appearance

FPS = 10.0
ALL = LinkingConfig(min_person=0, fill_gap=0)


def box(x, y=100.0, height=100.0):
    return [x, y, x + 0.4 * height, y + height]


class Scene:
    """Plays frames, each a mapping of tracklet -> box, and keeps what was told in the end and when."""

    def __init__(self, people, clothes=None, step=1 / FPS):
        self.people, self.clothes, self.step = people, clothes or {}, step
        self.told, self.first, self.filled, self.found = {}, {}, {}, []
        self.frame, self.time = 0, 0.0

    def look(self, units):
        if not self.clothes:
            return None
        clips = [[self.clothes[unit]] * 4 for unit in units]
        names = sorted(set(self.clothes.values()))

        def log_odds(given, pairs):
            return np.array([4.0 if given[i][0] == given[j][0] else -4.0 for i, j in pairs.tolist()])

        return Appearance(clips, lambda given: np.eye(len(names))[[names.index(one[0]) for one in given]], log_odds)

    def play(self, frames):
        for places in frames:
            xyxy = np.array(list(places.values()), dtype=float).reshape(-1, 4)
            tracklets = np.array(list(places), np.int64)
            self.people.add(self.frame, self.time, xyxy, np.full(len(xyxy), 0.9), tracklets)
            if self.people.due:
                self.people.link(self.look)
            self.keep(zip(tracklets.tolist(), xyxy, self.people.ids.tolist(), strict=True))
            self.frame, self.time = self.frame + 1, self.time + self.step
        return self

    def finish(self):
        self.people.late = []
        self.people.link(self.look, end=True)
        self.keep(())
        return self

    def keep(self, now):
        for late in self.people.late:
            if late.previous:
                assert self.told.pop((late.frame, tuple(late.xyxy))) == late.previous
        for late in self.people.late:
            if late.id:
                (self.filled if late.filled else self.told)[late.frame, tuple(late.xyxy)] = late.id
                self.first.setdefault((late.frame, tuple(late.xyxy)), self.frame)
        for _, place, number in now:
            if number:
                self.told[self.frame, tuple(place)] = number
                self.first.setdefault((self.frame, tuple(place)), self.frame)
        self.found += self.people.found

    def ids(self, frames, tracklet):
        """The ids of a tracklet's boxes, frame by frame, in the end."""
        return [
            self.told.get((i, tuple(map(float, places[tracklet]))))
            for i, places in enumerate(frames)
            if tracklet in places
        ]


def walk(tracklet, start, stop, x=0.0, speed=5.0):
    return {i: {tracklet: box(x + speed * i)} for i in range(start, stop)}


def film(length, *walks):
    return [{k: v for one in walks for k, v in one.get(i, {}).items()} for i in range(length)]


@pytest.mark.parametrize("delay", [0.0, 0.5, 2.0])
def test_everybody_has_an_id_within_the_delay_from_the_first_box_on(delay):
    frames = film(60, walk(0, 5, 60), walk(1, 20, 60, 300))
    scene = Scene(LivePeople(ALL, FPS, delay)).play(frames)
    assert scene.ids(frames, 0) == [1] * 55 and scene.ids(frames, 1) == [2] * 40
    late = max(told - frame for (frame, _), told in scene.first.items())
    assert late <= delay * FPS + 3
    assert late >= delay * FPS - 1


def test_who_was_hidden_goes_on_and_is_reported():
    frames = film(100, walk(0, 0, 40), walk(1, 55, 100))
    scene = Scene(LivePeople(ALL, FPS, 1.0)).play(frames)
    assert set(scene.ids(frames, 0)) == set(scene.ids(frames, 1)) == {1}
    (found,) = scene.found
    assert found.id == 1 and found.gap == pytest.approx(1.6) and found.probability > 0.5


def test_who_is_away_for_long_comes_back_by_their_clothes_alone():
    for clothes, number in (("red", 1), ("blue", 2)):
        frames = film(400, walk(0, 0, 60), walk(1, 360, 400, -1200))
        scene = Scene(LivePeople(ALL, FPS, 1.0), {0: "red", 1: clothes}).play(frames)
        assert set(scene.ids(frames, 1)) == {number}


def test_nobody_is_back_after_max_gap():
    frames = film(200, walk(0, 0, 40), walk(1, 160, 200))
    scene = Scene(LivePeople(LinkingConfig(min_person=0, max_gap=5), FPS, 1.0), {0: "red", 1: "red"}).play(frames)
    assert set(scene.ids(frames, 1)) == {2}


def test_an_id_that_proves_wrong_is_corrected_unless_that_is_not_wanted():
    frames = film(80, walk(0, 0, 40), walk(1, 45, 80))
    for correction, last in ((5.0, {2}), (0.0, {1})):
        scene = Scene(LivePeople(ALL, FPS, 0.0, correction), {0: "red", 1: "red"})
        scene.play(frames[:60])
        assert set(scene.ids(frames[:60], 1)) == {1}
        scene.clothes[1] = "blue"  # a closer look
        frames[60][2], scene.clothes[2] = box(800), "green"  # something new, so that there is something to link
        scene.play(frames[60:])
        assert set(scene.ids(frames, 1)) == last


def test_two_who_are_one_keep_the_id_that_was_told_first():
    frames = film(80, walk(0, 0, 40), walk(1, 45, 80))
    scene = Scene(LivePeople(ALL, FPS, 0.0), {0: "red", 1: "blue"})
    scene.play(frames[:50])
    assert set(scene.ids(frames[:50], 1)) == {2}
    scene.clothes[1] = "red"
    scene.play(frames[50:])
    assert set(scene.ids(frames, 1)) == {1}


def test_gaps_are_filled_once_an_id_is_final():
    frames = film(120, walk(0, 0, 40), walk(1, 50, 120))
    config = LinkingConfig(min_person=0, fill_gap=2)
    scene = Scene(LivePeople(config, FPS, 1.0, 1.0)).play(frames).finish()
    assert sorted(frame for frame, _ in scene.filled) == list(range(40, 50)) and set(scene.filled.values()) == {1}
    left = [place[0] for _, place in sorted(scene.filled)]
    assert left == pytest.approx([5 * i for i in range(40, 50)], abs=3)
    none = Scene(LivePeople(ALL, FPS, 1.0, 1.0)).play(frames).finish()
    assert none.filled == {}


def test_what_is_no_person_gets_no_id_and_the_end_settles_all_others():
    frames = film(30, walk(0, 0, 30))
    scene = Scene(LivePeople(LinkingConfig(min_person=1), FPS, 0.0)).play(frames).finish()
    assert scene.told == {}
    short = Scene(LivePeople(ALL, FPS, 9.0)).play(frames)
    assert short.told == {}
    assert set(short.finish().ids(frames, 0)) == {1}


def test_frames_without_boxes_are_the_same_as_a_gap_in_time():
    seen = film(100, walk(0, 0, 40), walk(1, 60, 100))
    whole = Scene(LivePeople(ALL, FPS, 1.0), {0: "red", 1: "red"}).play(seen).finish()
    gap = Scene(LivePeople(ALL, FPS, 1.0), {0: "red", 1: "red"})
    gap.play(seen[:40])
    gap.time = 6.0
    gap.play(seen[60:]).finish()
    assert set(whole.told.values()) == set(gap.told.values()) == {1}
    assert [one.gap for one in gap.found] == pytest.approx([one.gap for one in whole.found])


def test_another_tracker_s_word_counts():
    def play(before):
        people = LivePeople(LinkingConfig(min_person=0, host_weight=8), FPS, 0.5)
        for i in range(60):
            tracklet = 0 if i < 20 else 1
            places = np.array([box(0 if i < 20 else 400)], dtype=float)
            people.add(i, i / FPS, places, np.array([0.9]), np.array([tracklet]), before=before if i == 20 else None)
            if people.due:
                people.link(lambda units: None)
        return int(people.ids[0])

    assert play(None) == 2 and play({1: 0}) == 1


def test_memory_is_bounded_on_endless_streams():
    people, sizes = LivePeople(LinkingConfig(min_person=0, max_gap=20), FPS, 0.5, 1.0, most=10), []
    scene = Scene(people)
    for i in range(120):
        scene.play(film(20, {k: {2 * i: box(k * 5), 2 * i + 1: box(900 - k * 5, 400)} for k in range(15)}))
        scene.told, scene.first = {}, {}
        sizes.append((len(people.units), len(people._rows.frame), len(people._unit_of)))  # noqa: SLF001
    assert max(sizes[60:]) <= max(sizes[:60]) and sizes[-1][0] <= 14


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_nobody_is_twice_in_a_frame_and_the_same_gives_the_same(seed):
    def play():
        rng = np.random.default_rng(seed)
        scene, number = Scene(LivePeople(LinkingConfig(min_person=0.2), FPS, 0.5, 1.0)), 0
        living, spots, frames = [], {}, []
        for _ in range(120):
            living = [one for one in living if rng.random() > 0.05]
            if len(living) < 5 and rng.random() < 0.4:
                living.append(number)
                spots[number], number = rng.uniform(0, 600), number + 1
            for one in living:
                spots[one] += rng.normal(0, 6)
            frames.append({one: box(spots[one]) for one in living if rng.random() > 0.1})
        scene.clothes = {one: "red" if one % 3 else "blue" for one in range(number)}
        scene.play(frames).finish()
        return scene

    one, other = play(), play()
    assert one.told == other.told and one.filled == other.filled
    rows = [(frame, number) for (frame, _), number in [*one.told.items(), *one.filled.items()]]
    assert len(set(rows)) == len(rows) and rows
