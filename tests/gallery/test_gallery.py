"""A gallery of people: kept, found, merged, forgotten; whatever stops it, it can be read."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv
import torch
from conftest import TINY
from painted import at, paint

from readtrack import Matcher, TrackletMemory
from readtrack.commands import gallery as command
from readtrack.errors import InputError
from readtrack.gallery import Gallery, Watch
from readtrack.gallery.store import FILE
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.model import Read
from readtrack.video import VideoWriter

RNG = np.random.default_rng(0)
LOOKS = {  # four crops of one colour each
    name: np.clip(colour + RNG.normal(0, 20, (4, 90, 40, 3)), 0, 255).astype(np.uint8)
    for name, colour in {"ann": (30, 30, 220), "bob": (220, 60, 30), "cid": (40, 200, 40)}.items()
}


@pytest.fixture
def matcher(tiny_model):
    return Matcher(tiny_model, "cpu")


@pytest.fixture
def other(tmp_path):
    torch.manual_seed(1)
    return Matcher(Read(TINY).eval(), "cpu")


@pytest.fixture
def people(tmp_path, matcher):
    """A gallery of ann, bob and cid, who are 1, 2 and 3."""
    with Gallery(tmp_path / "people", matcher) as gallery:
        for day, (name, looks) in enumerate(LOOKS.items()):
            gallery.add(list(looks), "door", (1000.0 * day, 1000.0 * day + 5), name)
        yield gallery


def files(folder):
    return b"".join(path.read_bytes() for path in sorted(Path(folder).iterdir()))


def test_people_are_kept_and_told(people, matcher):
    again = Gallery(people.folder)
    told = [(one.id, one.name, one.tracklets, one.crops, one.sources, one.first, one.last) for one in again.people()]
    assert told == [
        (1, "ann", 1, 4, ("door",), 0, 5),
        (2, "bob", 1, 4, ("door",), 1000, 1005),
        (3, "cid", 1, 4, ("door",), 2000, 2005),
    ]
    assert people.add(list(LOOKS["ann"][:2]), "hall", (9.0, 10.0), "ann") == 1
    assert again.people()[0].sources == ("door", "hall") and again.people()[0].crops == 6
    assert again.people()[0].last == 10 and again.person("bob") == again.person("2") == 2
    again.close()


def test_found_as_tracklet_memory_finds(people, matcher):
    memory = TrackletMemory(matcher)
    for number, looks in enumerate(LOOKS.values(), 1):
        memory.remember(number, list(looks))
    query = list(LOOKS["bob"][:3])
    mine, its = people.find(query), memory.who(query)
    assert mine.probabilities == pytest.approx(its.probabilities, abs=2e-3)
    assert mine.nobody == pytest.approx(its.nobody, abs=2e-3)
    shares = list(mine.probabilities.values())
    assert shares == sorted(shares, reverse=True) and sum(shares) + mine.nobody == pytest.approx(1)


def test_top_and_shortlist_leave_out_and_it_still_sums_to_1(people):
    whole, one = people.find(list(LOOKS["ann"])), people.find(list(LOOKS["ann"]), top=1)
    assert len(whole.probabilities) == 3 and len(one.probabilities) == 1
    assert sum(one.probabilities.values()) + one.nobody == pytest.approx(1) and one.probability == whole.probability
    short = people.find(list(LOOKS["ann"]), shortlist=1)
    assert list(short.probabilities) == [1]  # by vectors nobody is nearer than herself
    assert sum(short.probabilities.values()) + short.nobody == pytest.approx(1)
    assert people.find(list(LOOKS["ann"]), match_probability=0).identity == next(iter(whole.probabilities))


def test_a_person_is_looked_for_among_the_others(people):
    answer = people.find(1)
    assert set(answer.probabilities) == {2, 3}
    with pytest.raises(InputError, match="number 9"):
        people.find(9)


def test_nobody_shown_or_nobody_there_is_nobody(people, matcher, tmp_path):
    assert people.find([None]).nobody == 1
    with Gallery(tmp_path / "empty", matcher) as empty:
        answer = empty.find(list(LOOKS["ann"]))
        assert answer.identity is None and answer.nobody == 1 and empty.people() == []


def test_merged_and_renamed(people):
    people.merge(2, 1)
    assert [(one.id, one.name, one.crops) for one in people.people()] == [(2, "bob", 8), (3, "cid", 4)]
    people.rename(2, "Bob the builder")
    assert people.person("Bob the builder") == 2
    nameless = people.add([LOOKS["ann"][0]], "hall")
    people.merge(nameless, 3)
    assert people.person("cid") == nameless == 4  # no number is given twice
    for wrong in (lambda: people.merge(2, 2), lambda: people.merge(2, 1), lambda: people.rename(1, "x")):
        with pytest.raises(InputError):
            wrong()
    with pytest.raises(InputError, match="is person 4 already"):
        people.rename(2, "cid")
    with pytest.raises(InputError, match="numbers are not"):
        people.rename(2, "17")


def test_the_forgotten_leave_no_byte(people, matcher):
    people.rename(2, "Robert the builder")
    (jpegs,), (features,) = people.store.jpegs([2]).values(), people.store.features([2]).values()
    parts = [blob[start : start + 16] for blob in jpegs + features for start in (len(blob) // 2, 3 * len(blob) // 4)]
    there = files(people.folder)
    traces = [trace for trace in [b"Robert the builder", *parts] if trace in there]  # some are split over two pages
    assert traces[0] == b"Robert the builder" and len(traces) > len(parts) / 2
    with Gallery(people.folder, matcher) as reader:
        assert 2 in reader.find(list(LOOKS["bob"])).probabilities
        people.forget(2)
        assert 2 not in reader.find(list(LOOKS["bob"])).probabilities
    there = files(people.folder)
    assert not [trace for trace in traces if trace in there]
    assert people.add(list(LOOKS["bob"]), "door") == 4
    with pytest.raises(InputError, match="number 2"):
        people.forget(2)


def test_traces_that_another_reader_holds_are_told(people):
    with Gallery(people.folder, timeout=0.05) as mine:
        reader = sqlite3.connect(people.folder / FILE)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM persons").fetchall()
        with pytest.raises(InputError, match="traces stay"):
            mine.forget(2)
        reader.close()
        assert [one.id for one in mine.people()] == [1, 3]


def test_tracklets_expire(people):
    people.add(list(LOOKS["ann"]), "hall", name="ann")
    assert people.expire(30) == (3, 2)
    assert [(one.name, one.sources) for one in people.people()] == [("ann", ("hall",))]
    with pytest.raises(InputError, match="days"):
        people.expire(-1)


def test_other_weights_are_refused_until_it_is_encoded_anew(people, other):
    with pytest.raises(InputError, match="reencode"):
        Gallery(people.folder, other)
    with Gallery(people.folder) as anew:
        anew.reencode(other)
        assert anew.find(list(LOOKS["ann"]), shortlist=1).probabilities.keys() == {1}
        assert [one.crops for one in anew.people()] == [4, 4, 4]
    with pytest.raises(InputError, match="reencode"):
        people.find(list(LOOKS["ann"]))  # opened before with the old ones


def test_what_cannot_be_kept_is_refused_and_changes_nothing(people, tmp_path):
    before = people.people()
    looked_at = people.matcher.crops(LOOKS["ann"][:1])
    people.matcher.encode(looked_at)
    for wrong, told in (
        (lambda: people.add([None], "door"), "at least one"),
        (lambda: people.add(looked_at, "door"), "no pixels"),
        (lambda: people.add(list(LOOKS["ann"]), " "), "source is empty"),
        (lambda: people.add(list(LOOKS["ann"]), "door", (5.0, 4.0)), "in that order"),
        (lambda: people.add(list(LOOKS["ann"]), "door", name="12"), "numbers are not"),
        (lambda: people.find([LOOKS["ann"][0]], top=0), "top=0"),
        (lambda: Gallery(tmp_path / "nothing"), "holds no gallery"),
    ):
        with pytest.raises(InputError, match=told):
            wrong()
    assert people.people() == before
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE).write_bytes(b"no database " * 100)
    with pytest.raises(InputError, match="no gallery that can be read"):
        Gallery(broken)


def test_a_full_disk_loses_nothing(people):
    before = people.people()
    pages = people.store.connection.execute("PRAGMA page_count").fetchone()[0]
    people.store.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(InputError, match="make room"):
        for _ in range(20):
            people.add(list(LOOKS["ann"]), "hall", (0.0, 1.0), "dan")
    people.store.connection.execute("PRAGMA max_page_count = 1000000")
    assert people.people()[:3] == before and people.add(list(LOOKS["ann"]), "hall")


def test_two_processes_write_in_turn_or_are_told(people, matcher):
    with Gallery(people.folder, matcher, timeout=0.05) as mine:
        writer = sqlite3.connect(people.folder / FILE, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="another process writes"):
            mine.add(list(LOOKS["ann"]), "hall")
        assert len(mine.find(list(LOOKS["ann"])).probabilities) == 3  # reading goes on
        writer.execute("ROLLBACK")
        writer.close()
        person = mine.add(list(LOOKS["ann"]), "hall")
    assert person in people.find(list(LOOKS["ann"])).probabilities


ADDING = """
import sys, numpy as np, torch
from readtrack import Matcher
from readtrack.gallery import Gallery, Watch
from readtrack.read.checkpoint import load_checkpoint
torch.set_num_threads(1)
images = list(np.random.default_rng(1).integers(0, 256, (4, 90, 40, 3), dtype=np.uint8))
with Gallery(sys.argv[1], Matcher(load_checkpoint(sys.argv[2])[0], "cpu")) as gallery:
    while True:
        print(gallery.add(images, "door"), flush=True)
"""


def test_killed_while_adding_it_is_whole(tmp_path, tiny_model, matcher):
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    words = [sys.executable, "-c", ADDING, str(tmp_path / "g"), str(tmp_path / "tiny.safetensors")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as adding:
        told = [int(adding.stdout.readline()) for _ in range(5)]
        time.sleep(0.03)
        os.kill(adding.pid, signal.SIGKILL)
        told += [int(line) for line in adding.stdout if line.endswith("\n")]
    with Gallery(tmp_path / "g", matcher) as gallery:
        assert gallery.store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = gallery.people()
        assert {one.id for one in kept} >= set(told) and {one.crops for one in kept} == {4}
        assert gallery.add(list(LOOKS["ann"]), "door") == kept[-1].id + 1


@pytest.fixture
def run(tmp_path):
    """A MOTChallenge file of two people and its video."""
    rows = []
    with VideoWriter(tmp_path / "hall.mp4", 25) as video:
        for frame in range(30):
            places = {"ann": at(120.0 + 4 * frame), "bob": at(560.0 - 2 * frame)}
            image, _ = paint(places)
            video.write(image)
            for number, (left, top, right, bottom) in enumerate(places.values(), 5):
                rows.append(f"{frame + 1},{number},{left},{top},{right - left},{bottom - top},1,-1,-1,-1\n")
    (tmp_path / "tracks.txt").write_text("".join(rows))
    return tmp_path / "tracks.txt", tmp_path / "hall.mp4"


def test_tracks_are_enrolled_once_with_times_and_pixels(run, people):
    assert people.enrol(*run, "hall", began=5000.0) == [4, 5]
    mine = people.people()[3:]
    assert [(one.crops, one.first, one.sources) for one in mine] == [(4, 5000, ("hall",))] * 2
    assert mine[0].last == pytest.approx(5000 + 29 / 25)
    index = people.store.index()
    (jpegs,) = people.store.jpegs(index.tracklets[index.persons == 4].tolist()).values()
    middle = cv2.imdecode(np.frombuffer(jpegs[0], np.uint8), cv2.IMREAD_COLOR)[80, 30].astype(int)
    assert np.abs(middle - (30, 30, 220)).max() < 40  # ann's colour
    with pytest.raises(InputError, match="already"):
        people.enrol(*run, "hall")


def test_tracks_of_another_video_are_refused(run, people):
    tracks, video = run
    tracks.write_text(tracks.read_text() + "400,9,10,10,60,90,1,-1,-1,-1\n")
    with pytest.raises(InputError, match="ends at frame 29"):
        people.enrol(tracks, video)
    tracks.write_text("1,9,9000,10,60,90,1,-1,-1,-1\n")
    with pytest.raises(InputError, match="shows nobody"):
        people.enrol(tracks, video)
    assert len(people.people()) == 3


def test_the_command(run, tmp_path, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    cv2.imwrite("ann.png", LOOKS["ann"][0])

    def do(*words):
        status = command.main(["g", *words, "--weights", "tiny.safetensors", "--device", "cpu"])
        told = capsys.readouterr()
        assert (told.err.count("\n"), told.err[:7]) == ((1, "error: ") if status else (0, "")), told.err
        return status, told.out + told.err

    assert do("list") == (2, "error: g: holds no gallery: add or enrol somebody first, or give another folder\n")
    assert do("find", "ann.png")[0] == 2 and not Path("g").exists()
    assert do("add", "ann.png", "--name", "ann", "--source", "door", "--began", "2026-11-02T08:00")[0] == 0
    assert "2 tracks enrolled as 2 people: 2, 3" in do("enrol", "tracks.txt", "hall.mp4")[1]
    status, told = do("find", "ann.png")
    assert status == 0 and "nobody of these" in told and "1 ann" in told
    assert "2026-11-02 08:00" in do("list")[1] and do("find", "ann")[0] == 0
    assert do("merge", "ann", "2")[0] == do("rename", "3", "bob")[0] == 0 and "bob" in do("list")[1]
    assert do("reencode")[0] == do("forget", "bob")[0] == 0 and do("expire", "100000")[0] == 0
    for wrong, part in (
        (("forget", "bob"), "is nobody"),
        (("forget", "9"), "number 9"),
        (("expire", "soon"), "no number of days"),
        (("merge", "1"), "takes 2 words"),
        (("list", "--name", "x"), "--name"),
        (("add", "ann.png", "--began", "yesterday"), "--began"),
        (("add", "missing.png"), "missing.png"),
        (("steal",), "nothing to do"),
    ):
        status, told = do(*wrong)
        assert status == 2 and part in told


def test_any_trackers_people_are_watched_and_enrolled(people):
    watch = Watch(fps=10)
    assert watch.tracks() == []
    for frame in range(40):
        places = {"ann": at(120.0 + 8 * frame), "bob": at(420.0 - 8 * frame)}  # they cross in the middle
        image, _ = paint(places)
        ids = [7, 3 if frame else -1]  # bob is undecided at first
        watch.update(sv.Detections(np.array(list(places.values())), tracker_id=np.array(ids)), image)
    watch.update(sv.Detections.empty(), image)
    bob, ann = watch.tracks()
    assert (bob.first, ann.first, ann.last, len(ann.images)) == (0.1, 0.0, 3.9, 4)
    for one, colour in ((ann, (30, 30, 220)), (bob, (220, 60, 30))):
        assert all(np.abs(look[80, look.shape[1] // 2].astype(int) - colour).max() < 60 for look in one.images)
    assert people.enrol_tracks(watch.tracks(), "hall", began=100.0) == [4, 5]
    assert [(one.first, one.crops) for one in people.people()[3:]] == [(100.1, 4), (100.0, 4)]
    with pytest.raises(InputError, match="already"):
        people.enrol_tracks(watch.tracks(), "hall")
    with pytest.raises(InputError, match="nobody is shown"):
        people.enrol_tracks([], "yard")
    with pytest.raises(InputError, match="without tracker_id"):
        watch.update(sv.Detections(np.array([at(120.0)])), image)
    with pytest.raises(InputError, match="fps=0"):
        Watch(fps=0)


def test_a_gallery_made_before_tracks_were_told_is_taken(people, matcher):
    people.store.connection.execute("ALTER TABLE tracklets DROP COLUMN track")
    with Gallery(people.folder, matcher) as again:
        assert again.add(list(LOOKS["ann"]), "hall", name="dan") == 4
        assert again.find(list(LOOKS["ann"])).probabilities.keys() == {1, 2, 3, 4}
