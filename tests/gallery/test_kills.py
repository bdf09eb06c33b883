"""A gallery whose writers are killed at random moments, are several, or search while others forget."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from readtrack import Matcher
from readtrack.gallery import Gallery, search
from readtrack.read.checkpoint import save_checkpoint

KILLS = int(os.environ.get("READTRACK_KILLS", "4"))
IMAGES = np.random.default_rng(1).integers(0, 256, (4, 90, 40, 3), dtype=np.uint8)
TOGETHER = 3  # tracks that are enrolled in one go

WRITING = """
import os, sys, numpy as np, torch
from readtrack import Matcher
from readtrack.gallery import Gallery, Pictures
from readtrack.read.checkpoint import load_checkpoint
torch.set_num_threads(1)
folder, weights, together = sys.argv[1], sys.argv[2], int(sys.argv[3])
matcher = Matcher(load_checkpoint(weights)[0], "cpu")
images = list(np.random.default_rng(1).integers(0, 256, (4, 90, 40, 3), dtype=np.uint8))

def write(turn, most):
    with Gallery(folder, matcher) as gallery:
        for number in range(most):
            person = gallery.add(images, "door")
            print("added", person, flush=True)
            people = gallery.enrol_tracks([Pictures(None, 0.0, 1.0, images)] * together, f"{turn} {number}")
            print("enrolled", turn, number, flush=True)
            gallery.forget(people[0])
            print("forgotten", people[0], flush=True)
            gallery.merge(people[1], person)
            print("merged", person, flush=True)

print("ready", flush=True)
for turn, most in enumerate(sys.stdin):
    child = os.fork()
    if child == 0:
        write(turn, int(most))
        print("done", flush=True)
        os._exit(0)
    print("child", child, flush=True)
"""


@pytest.fixture
def writers(tmp_path, tiny_model):
    """A process that forks one that writes for each number of turns handed in, without loading anything again."""
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    words = [sys.executable, "-W", "ignore", "-c", WRITING]
    words += [str(tmp_path / "g"), str(tmp_path / "tiny.safetensors"), str(TOGETHER)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def told(writers, word):
    """What comes after a word that is told next, past others."""
    while True:
        line = writers.stdout.readline()
        assert line
        if line.split()[0] == word:
            return line.split()[1]


def check(gallery):
    """It is whole: every tracklet with all its crops."""
    assert gallery.store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not gallery.store.connection.execute("PRAGMA foreign_key_check").fetchall()
    counts = gallery.store.connection.execute(
        "SELECT COUNT(c.id) FROM tracklets t LEFT JOIN crops c ON c.tracklet = t.id GROUP BY t.id"
    )
    assert {count for (count,) in counts} <= {4}
    assert all(one.tracklets for one in gallery.people())


@pytest.mark.parametrize("seed", [0])
def test_killed_at_random_moments_it_is_whole(writers, tmp_path, tiny_model, seed):
    rng, matcher = np.random.default_rng(seed), Matcher(tiny_model, "cpu")
    for turn in range(KILLS):
        print("1000", file=writers.stdin, flush=True)
        child = int(told(writers, "child"))
        told(writers, "added")
        time.sleep(rng.uniform(0, 0.2))
        os.kill(child, signal.SIGKILL)
        with Gallery(tmp_path / "g", matcher) as gallery:
            check(gallery)
            left = gallery.store.connection.execute(
                "SELECT COUNT(*) FROM tracklets WHERE source LIKE ? GROUP BY source ORDER BY MIN(id)", (f"{turn} %",)
            ).fetchall()
            *before, last = [count for (count,) in left] or [TOGETHER - 1]
            assert set(before) <= {TOGETHER - 1} and last in (TOGETHER, TOGETHER - 1)  # all but who was forgotten
            assert gallery.find(list(IMAGES[:1]), top=1, match_probability=0).identity is not None


def test_what_was_told_before_the_kill_is_kept(writers, tmp_path):
    print("2", file=writers.stdin, flush=True)
    told = []
    while not told or told[-1] != ["done"]:
        told.append(writers.stdout.readline().split())
    with Gallery(tmp_path / "g") as gallery:
        check(gallery)
        people = {one.id for one in gallery.people()}
        assert not people & {int(words[1]) for words in told if words[0] in ("forgotten", "merged")}
        assert len(people) == 2 * (TOGETHER - 1)


def test_two_processes_at_once_lose_nothing(writers, tmp_path):
    for _ in range(2):
        print("3", file=writers.stdin, flush=True)
    told = []
    while [words[0] for words in told].count("done") < 2:
        told.append(writers.stdout.readline().split() or ["ended"])
        assert told[-1] != ["ended"]
    with Gallery(tmp_path / "g") as gallery:
        check(gallery)
        assert len(gallery.people()) == 2 * 3 * (TOGETHER - 1)


def test_who_is_forgotten_while_a_search_runs_is_not_told(tmp_path, tiny_model, monkeypatch):
    matcher = Matcher(tiny_model, "cpu")
    with Gallery(tmp_path / "g", matcher) as mine, Gallery(tmp_path / "g") as other:
        for name in ("ann", "bob", "cid"):
            mine.add(list(IMAGES), "door", name=name)
        judged = search.judged

        def slow(*args):
            answer = judged(*args)
            other.forget(2)
            other.merge(3, 1)
            return answer

        monkeypatch.setattr(search, "judged", slow)
        answer = mine.find(list(IMAGES[:2]), match_probability=0)
        assert set(answer.probabilities) == {3} and answer.nobody + answer.probability == pytest.approx(1)
        monkeypatch.undo()
        assert [one.id for one in mine.people()] == [3] and mine.find(list(IMAGES[:2])).probabilities.keys() == {3}


def test_new_tracklets_are_found_and_those_that_are_gone_are_not(tmp_path, tiny_model):
    matcher, dark = Matcher(tiny_model, "cpu"), [image // 4 for image in IMAGES]
    with Gallery(tmp_path / "g", matcher) as mine, Gallery(tmp_path / "g", matcher) as other:
        mine.add(list(IMAGES), "door")
        assert mine.find(dark).probabilities.keys() == {1}
        other.add(dark, "door")
        other.forget(1)
        other.add(list(IMAGES), "door")
        assert mine.find(dark).probabilities.keys() == {2, 3}
        index = mine.store.index()
        assert index.tracklets.tolist() == [2, 3] and index is mine.store.index()
        other.reencode(matcher)
        again = mine.store.index()
        kept = [row[0] for row in mine.store.connection.execute("SELECT vector FROM tracklets ORDER BY id")]
        assert again.vectors.tobytes() == b"".join(kept)
