"""People whose detections are taken away: what is asked, what counts, and the command."""

import json

import numpy as np
import pytest
from filmed import Scripted, film, late
from painted import at

from readtrack.commands import evaluate
from readtrack.errors import InputError
from readtrack.evaluation.absences import Absence, Identities, Presence, judge, places, returns, windows, with_gap
from readtrack.evaluation.playback import replay
from readtrack.evaluation.settings import GapSettings
from readtrack.street.config import Absence as OutOfSight

ANN, BOB = 1, 2
STILL = [{"ann": at(100), "bob": at(400)}] * 100


def test_places_are_at_equal_steps_with_room_on_both_sides():
    assert places(179, 25, 5) == [25, 51, 77, 103, 129]
    assert places(179, 25, 1) == [25]
    assert places(75, 25, 5) == [25]
    assert places(74, 25, 5) == []
    assert places(77, 25, 5) == [25, 26, 27]


def test_everybody_or_each_person_is_taken_away():
    recording = film(STILL)
    present = Presence(recording)
    (all_of_them,) = windows(present, 10, 1, one=False)
    assert all_of_them == Absence(25, 34, frozenset({ANN, BOB}), frozenset({ANN, BOB}))
    one = windows(present, 10, 1, one=True)
    assert [away.people for away in one] == [{ANN}, {BOB}] and all(away.count_id_theft for away in one)
    found = with_gap(recording, present, all_of_them, one=False)
    assert [len(found(i)) for i in (24, 25, 34, 35)] == [2, 0, 0, 2]
    found = with_gap(recording, present, one[1], one=True)
    assert [len(found(i)) for i in (24, 25, 34, 35)] == [2, 1, 1, 2]
    assert np.allclose(found(30).xyxy, [at(100)])


def test_present_is_who_is_detected_in_five_frames_of_twenty_five():
    story = [{"ann": at(100), **({"bob": at(400)} if i >= 21 else {})} for i in range(25)] + STILL[:60]
    (away,) = windows(Presence(film(story)), 10, 1, one=False)
    assert away.people == {ANN} and away.claimants == {ANN, BOB}  # bob was there for four frames


def identities(run, recording):
    return Identities(run.tracks, recording.truth, run.known)


def judged(script, away, story=STILL, **decided):
    recording = film(story)
    present = Presence(recording)
    cut = replay(Scripted(script, **decided), recording, with_gap(recording, present, away, one=away.count_id_theft))
    whole = replay(Scripted(script, **decided), recording)
    return judge(away, present, identities(cut, recording), identities(whole, recording))


BOTH = Absence(40, 49, frozenset({ANN, BOB}), frozenset({ANN, BOB}))


def told(tally):
    return tally.asked, tally.back, tally.claims, tally.right


def test_a_perfect_a_forgetful_and_a_confused_tracker():
    perfect = judged(lambda f, seen: [5, 6][: len(seen)], BOTH)
    assert told(perfect) == (2, 2, 2, 2) and perfect.delays == [0, 0] and perfect.without_gap == 2
    forgetful = judged(lambda f, seen: ([5, 6] if f < 50 else [7, 8])[: len(seen)], BOTH)
    assert told(forgetful) == (2, 0, 0, 0) and forgetful.delays == [] and forgetful.without_gap == 0
    confused = judged(lambda f, seen: ([5, 6] if f < 50 else [6, 5])[: len(seen)], BOTH)
    assert told(confused) == (2, 0, 2, 0)
    blind = judged(lambda f, seen: [-1] * len(seen), BOTH)
    assert told(blind) == (2, 0, 0, 0)


def test_the_commonest_id_counts_and_how_late_it_was_told():
    slow = judged(lambda f, seen: ([5, 6] if f < 50 or f >= 58 else [8, -1])[: len(seen)], BOTH)
    assert told(slow) == (2, 2, 2, 2) and slow.delays == [8, 8]
    too_slow = judged(lambda f, seen: ([5, 6] if f < 50 or f >= 65 else [8, -1])[: len(seen)], BOTH)
    assert told(too_slow) == (2, 1, 1, 1)  # ann was 8 for 15 frames
    rows = {70: [late(f, at(100), 5) for f in range(50, 71)]}
    script = lambda f, seen: ([5, 6] if f < 50 or f > 70 else [-1, 6])[: len(seen)]  # noqa: E731
    filled = judged(script, BOTH, decide=lambda f: rows.get(f, ()))
    assert told(filled) == (2, 2, 2, 2) and filled.delays == [20, 0]


def test_a_thief_of_the_id_of_who_is_away_counts_against_precision():
    away = Absence(40, 49, frozenset({ANN}), frozenset({ANN}), count_id_theft=True)
    steals = judged(lambda f, seen: {2: [5, 6] if f < 40 else [7, 5], 1: [5]}[len(seen)], away)
    assert told(steals) == (1, 0, 1, 0)
    stays = judged(lambda f, seen: {2: [5, 6], 1: [6]}[len(seen)], away)
    assert told(stays) == (1, 1, 1, 1)  # bob, who was there throughout, claims nothing


def test_arrivals_on_a_street():
    story = [{"bob": at(400)}] * 30 + [{"bob": at(400), "ann": at(100)}] * 30 + [{"bob": at(400)}] * 20
    story += [{"bob": at(400), "ann": at(200)}] * 30 + [{"bob": at(400), "cid": at(550)}] * 30
    recording = film(story, absences=[OutOfSight(ANN, "away", 60, 79)])
    present = Presence(recording)
    found = returns(recording, present)
    assert [(away.first, away.last, away.people, away.claimants) for away in found] == [
        (60, 79, {ANN}, {ANN}),
        (30, 29, frozenset(), {ANN}),
        (110, 109, frozenset(), {3}),
    ]
    # Ann comes back as herself; then cid is taken for her.
    ids = identities(replay(Scripted(lambda f, seen: [1, 2][: len(seen)]), recording), recording)
    assert [told(judge(away, present, ids)) for away in found] == [(1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 1, 0)]


def scored(tmp_path, *flags):
    file = tmp_path / "gaps.json"
    assert evaluate.main(["gaps", *map(str, flags), "--report", str(file)]) == 0
    return json.loads(file.read_text())


def test_the_command(two, tmp_path, capsys):  # noqa: F811
    sources = ("--source", two[1], "--tracker", "readtrack-boxes", "--tracker", "readtrack")
    found = scored(tmp_path, *sources, "--gap", 3, "--gap", 500, "--places", 2)
    out = capsys.readouterr().out
    (row,) = found["rows"]
    assert found["too_short"] == {"STREET-02": [500]} and "STREET-02: too short for gaps of 500 frames" in out
    assert (row["source"], row["gap"], row["tracker"]) == ("STREET-02", "3", "readtrack-boxes")
    assert row["asked"] > 3 and row["back"] <= row["asked"] and row["recall"] > 0.5 and row["without_gap"] > 0
    assert row["right"] <= row["claims"] and row["delay"] >= 0
    assert f"({row['back']}/{row['asked']})" in out and "recall     of the people present" in out
    assert "left out: readtrack: looks at people" in out
    one = scored(tmp_path, *sources, "--gap", 3, "--places", 2, "--who", "one")["rows"][0]
    assert one["asked"] == row["asked"]


def test_what_cannot_be_asked_is_told(two, tmp_path, capsys):  # noqa: F811
    source = ("--source", two[1], "--tracker", "readtrack-boxes")
    for flags, words in (
        (("--gap", 0), "at least 1 frame"),
        (("--places", 0), "0 places"),
        (("--gap", 400), "nobody is there 25 frames before and after"),
    ):
        assert evaluate.main(["gaps", *map(str, (*source, *flags)), "--report", str(tmp_path / "x")]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(InputError, match="who 'none' is unknown"):
        GapSettings(("street",), who="none")
