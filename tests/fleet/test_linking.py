"""Who may be whom over recordings, and who is."""

import numpy as np
import pytest

from readtrack.commands.bench import main as bench
from readtrack.errors import InputError
from readtrack.evaluation.fleet import draw, evaluate_fleet
from readtrack.fleet import candidates as rooms
from readtrack.fleet.candidates import Reach, Seen, candidates
from readtrack.fleet.linking import link_tracklets
from readtrack.fleet.people import seen_at_once


def seen(recording, first, last=None, vectors=None):
    first = np.array(first, dtype=float)
    count = len(first)
    vectors = np.eye(count, 8, dtype=np.float32) if vectors is None else np.array(vectors, dtype=np.float32)
    return Seen(vectors, np.array(recording), first, first + 10.0 if last is None else np.array(last, dtype=float))


def every(one, reach):
    first, second = np.triu_indices(len(one), 1)
    return set(zip(first[reach.possible(one, first, second)], second[reach.possible(one, first, second)], strict=True))


def test_nobody_is_at_two_places_at_once_nor_looked_for_for_ever():
    one = seen([0, 0, 1, 2, 3], [0.0, 20.0, 5.0, 4000.0, np.nan])
    assert every(one, Reach()) == {(0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)}
    assert every(one, Reach(overlapping=True)) == every(one, Reach()) | {(0, 2)}
    assert every(one, Reach(within=3600)) == {(0, 4), (1, 2), (1, 4), (2, 4), (3, 4)}
    assert (Reach().count(one) >= 1).all()


def test_the_nearest_are_chosen_the_same_in_windows_and_cells(monkeypatch):
    one, truth = draw(600, np.random.default_rng(0))
    reach = Reach(3600)
    exact = one.vectors @ one.vectors.T
    rows = np.arange(600)
    exact[~reach.possible(one, rows[:, None], rows)] = -np.inf
    wanted = {tuple(sorted((i, j))) for i in range(600) for j in np.argsort(-exact[i])[:3] if np.isfinite(exact[i, j])}
    monkeypatch.setattr(rooms, "ROWS", 100)
    assert set(zip(*candidates(one, reach, 3), strict=True)) == wanted
    monkeypatch.setattr(rooms, "WIDE", 0)
    monkeypatch.setattr(rooms, "PER_CELL", 32)
    found = set(zip(*candidates(one, reach, 3), strict=True))
    true = {pair for pair in wanted if truth[pair[0]] == truth[pair[1]]}
    assert len(found & true) > 0.95 * len(true)  # the nearest of others may be in farther cells
    few = Reach(1.0)
    assert all(few.possible(one, np.array([i]), np.array([j])) for i, j in zip(*candidates(one, few, 3), strict=True))


def test_nobody_or_one_alone_is_no_pair():
    for count in (0, 1):
        first, second = candidates(seen([0] * count, [0.0] * count), Reach(), 3)
        assert not len(first) and not len(second)


def link(one, pairs, odds, person=None, named=None, reach=None):
    first, second = np.array(pairs).T
    person = np.arange(len(one)) if person is None else np.array(person)
    named = np.zeros(person.max() + 1, dtype=bool) if named is None else np.array(named)
    return link_tracklets(one, reach or Reach(), first, second, np.array(odds, dtype=float), person, named)[0].tolist()


def test_the_likelier_are_put_together_and_the_impossible_never():
    one = seen([0, 1, 2, 2], [0.0, 100.0, 200.0, 205.0])
    pairs = [(0, 1), (0, 2), (1, 2), (1, 3)]
    assert link(one, pairs, [9, 9, 9, 8]) == [0, 0, 0, 3]  # two of one recording stay two
    assert link(one, pairs, [0.5, -5, -5, -5]) == [0, 1, 2, 3]  # among three others that is not enough
    assert link(one, pairs, [9, 9, 9, 8], named=[True, True, False, False]) == [0, 1, 0, 1]
    assert link(one, pairs, [-9, 9, 9, -9], person=[0, 0, 1, 2]) == [0, 0, 2]  # who is known to be one


def test_drawn_fleets_are_linked_and_timed(capsys):
    told = []
    rows = evaluate_fleet([400], (1.0, float("inf")), progress=lambda *now: told.append(now))
    assert told == [(0, 2), (1, 2), (2, 2)]
    for row in rows:
        assert row.tracklets == 400 and row.found > 0.9 and row.precision > 0.9 and row.pairs < 12 * 400
    assert rows[0].possible <= rows[1].possible
    with pytest.raises(InputError, match="above 0"):
        evaluate_fleet([10], (0.0,))
    assert bench(["fleet", "--tracklets", "50", "--within", "1"]) == 0 and "50" in capsys.readouterr().out


def test_who_is_seen_at_once_in_one_recording_sets_the_level():
    one = seen([0, 1, 0, 0, 1], [0.0, 0.0, 5.0, 100.0, 5.0])
    assert set(zip(*seen_at_once(one.recording, one.first, one.last), strict=True)) == {(0, 2), (1, 4)}
    nobody = np.zeros(0)
    assert not len(seen_at_once(nobody.astype(int), nobody, nobody)[0])
