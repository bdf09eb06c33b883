"""The relink command: files in and out, scores before and after, and what goes wrong."""

import json

import cv2
import numpy as np
import pytest
from conftest import SHARED
from painted import Eyes, away_and_back, paint

from readtrack.__main__ import COMMANDS
from readtrack.commands import relink, track
from readtrack.mot import read_mot
from readtrack.read.matcher import Matcher

CAMPUS = SHARED / "data" / "mot15" / "TUD-Campus"


@pytest.fixture
def sequence(tmp_path, monkeypatch):
    """Ann away and back under another id, as a folder of images; READ goes by colour."""
    monkeypatch.setattr(Matcher, "load", lambda *_, **__: Eyes())
    folder = tmp_path / "walk"
    (folder / "img1").mkdir(parents=True)
    lines, truth = [], []
    for index, places in enumerate(away_and_back(gap=20)):
        image, people = paint(places)
        cv2.imwrite(str(folder / "img1" / f"{index + 1:06d}.png"), image)
        for name, (left, top, right, bottom) in zip(places, people.xyxy, strict=True):
            number = 7 if name == "bob" else 1 if index < 40 else 40
            box = f"{left:.1f},{top:.1f},{right - left:.1f},{bottom - top:.1f}"
            lines.append(f"{index + 1},{number},{box},0.25,-1,-1,-1")
            truth.append(f"{index + 1},{2 if name == 'bob' else 0},{box},1,-1,-1,-1")
    lines.reverse()  # any order will do
    (folder / "tracks.txt").write_text("\n".join(lines) + "\n")
    (folder / "gt.txt").write_text("\n".join(truth) + "\n")
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=walk\nimDir=img1\nframeRate=25\nseqLength=90\nimExt=.png\n")
    return folder


def command(folder, *more):
    return relink.main([str(folder / "tracks.txt"), "--source", str(folder), *map(str, more)])


def test_only_ids_change_and_links_are_logged(sequence, capsys):
    assert command(sequence, "--ground-truth", sequence / "gt.txt") == 0
    told = capsys.readouterr().out
    assert "3 tracks are 2 identities by 1 links" in told
    before, after = (next(line for line in told.splitlines() if line.startswith(w)) for w in ("before", "after"))
    assert float(after.split()[1]) == 100 > float(before.split()[1])
    assert (before.split()[-1], after.split()[-1]) == ("1", "0")
    given = (sequence / "tracks.txt").read_text()
    assert (sequence / "tracks-relinked.txt").read_text() == given.replace(",40,", ",1,", 90)
    (link,) = map(json.loads, (sequence / "tracks-relinked.jsonl").read_text().splitlines())
    assert (link["identity"], link["track"], link["frame"], link["gap"]) == (1, 40, 50, 21)
    assert link["runner_up"] < 0.1 < 0.9 <= link["probability"]


def test_the_same_input_gives_the_same_bytes(sequence):
    for name in ("a", "b"):
        assert command(sequence, "--out", sequence / name / "joined.txt", "--quiet") == 0
    for suffix in ("txt", "jsonl"):
        assert (sequence / f"a/joined.{suffix}").read_bytes() == (sequence / f"b/joined.{suffix}").read_bytes()


def test_short_holes_are_filled_where_asked(sequence, capsys):
    assert command(sequence, "--interpolate", "20", "--out", sequence / "full.txt") == 0
    assert "20 boxes filled in" in capsys.readouterr().out
    tracks = read_mot(sequence / "full.txt")
    assert all(1 in tracks[frame].tracker_id for frame in range(90))
    lines = (sequence / "full.txt").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in lines] == sorted(int(line.split(",")[0]) for line in lines)
    assert sum(line.endswith(",0.25,-1,-1,-1") for line in lines) == len(lines)


def test_columns_are_kept_whatever_their_separator(sequence):
    lines = (sequence / "tracks.txt").read_text().splitlines()
    odd = [line.replace(",", " ").replace("0.25", "0.2500") + " extra"[:0] + " 3 0.5" for line in lines]
    (sequence / "tracks.txt").write_text("# made by hand\n" + "\n".join(odd) + "\n")
    assert command(sequence, "--quiet") == 0
    told = (sequence / "tracks-relinked.txt").read_text().splitlines()
    assert [line.split()[2:] for line in told] == [line.split()[2:] for line in odd]
    assert {line.split()[1] for line in told} == {"1", "7"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "tracks.txt").write_text(""), "holds no tracks"),
        (lambda f: (f / "tracks.txt").unlink(), "no such file"),
        (lambda f: (f / "tracks.txt").write_text("95,1,0,0,10,20,1\n"), "tracks.txt:1:.*beyond the 90 frames"),
        (lambda f: (f / "tracks.txt").write_text("1,-1,0,0,10,20,1\n"), "tracks.txt:1:.*no identity"),
        (lambda f: (f / "tracks.txt").write_text("1,2,0,0,9,9\n1,2,0,0,9,8\n"), "tracks.txt:2:.*second time"),
        (lambda f: [p.unlink() for p in (f / "img1").iterdir()], "no pixels"),
        (lambda f: (f / "tracks-relinked.jsonl").mkdir(), "cannot be written"),
    ],
)
def test_bad_input_is_told_in_a_line(sequence, capsys, change, message):
    change(sequence)
    assert command(sequence) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert __import__("re").search(message, told), told
    assert not (sequence / "tracks-relinked.txt").exists()


def test_flags_are_checked_and_the_input_is_never_overwritten(sequence, capsys):
    given = (sequence / "tracks.txt").read_bytes()
    for flags in (
        ("--out", sequence / "tracks.txt"),
        ("--match-probability", "1.2"),
        ("--interpolate", "-1"),
        ("--max-age", "-3"),
        ("--source", sequence / "nowhere"),
        ("--ground-truth", sequence / "nowhere.txt"),
    ):
        assert command(sequence, *flags) == 2, flags
    assert len(capsys.readouterr().err.splitlines()) == 6
    assert (sequence / "tracks.txt").read_bytes() == given


def test_an_interrupted_run_leaves_the_earlier_files(sequence, monkeypatch):
    (sequence / "tracks-relinked.txt").write_text("earlier\n")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Eyes, "similarity", stop)
    assert command(sequence) == 130
    assert (sequence / "tracks-relinked.txt").read_text() == "earlier\n"
    assert sorted(p.name for p in sequence.iterdir() if "relinked" in p.name) == ["tracks-relinked.txt"]


def test_it_is_a_word_of_the_readtrack_command():
    assert "relink" in COMMANDS


@pytest.mark.data
@pytest.mark.skipif(not CAMPUS.is_dir(), reason="TUD-Campus (MOT15) is not beside the repository")
def test_a_real_person_cut_in_two_is_one_again(tmp_path, capsys):
    rows = np.loadtxt(CAMPUS / "gt" / "gt.txt", delimiter=",")
    split = rows.copy()
    later = (rows[:, 1] == 4) & (rows[:, 0] > 30)
    split[later, 1] = 99
    split = split[~(later & (rows[:, 0] < 40))]
    np.savetxt(tmp_path / "cut.txt", split, delimiter=",", fmt="%g")
    flags = ["--source", str(CAMPUS), "--ground-truth", str(CAMPUS / "gt" / "gt.txt"), "--device", "cpu"]
    assert relink.main([str(tmp_path / "cut.txt"), *flags]) == 0
    links = [json.loads(line) for line in (tmp_path / "cut-relinked.jsonl").read_text().splitlines()]
    found = {(link["identity"], link["track"]): link["probability"] for link in links}
    assert found[4, 99] > 0.9
    told = capsys.readouterr().out.splitlines()
    before, after = (float(line.split()[1]) for line in told if line.startswith(("before", "after")))
    assert after > before


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run on a short street, and its folder."""
    out = tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    assert track.main(["street", "--end", "60", "--out", str(out), "--quiet", "--threads", "1"]) == 0
    return out


def test_a_run_is_linked_again_to_the_same_and_by_other_settings_to_others(folder, tmp_path, capsys):
    names = ("tracks.txt", "dropped.txt", "associations.jsonl")
    before = {name: (folder / name).read_bytes() for name in names}
    about = json.loads((folder / "summary.json").read_text())
    (folder / "tracks.txt").write_text("")
    assert relink.main([str(folder)]) == 0
    assert {name: (folder / name).read_bytes() for name in names} == before
    told = capsys.readouterr().out
    assert f"{about['identities']} people of " in told and "tracks.mp4 shows who was who before" in told
    settings = tmp_path / "other.json"
    settings.write_text(json.dumps({"prior": -100, "min_person": 0}))
    video, page = (folder / "tracks.mp4").read_bytes(), (folder / "report.html").read_text()
    assert relink.main([str(folder), "--settings", str(settings)]) == 0
    again = json.loads((folder / "summary.json").read_text())
    assert again["identities"] > about["identities"] and again["run"]["tracking"]["prior"] == -100
    assert again["linked_again"] and "scores" not in again and again["frames"] == about["frames"]
    assert (folder / "report.html").read_text() != page and (folder / "tracks.mp4").read_bytes() == video
    assert relink.main([str(folder), "--source", "street", "--quiet"]) == 0
    assert (folder / "tracks.txt").read_bytes() == before["tracks.txt"]  # its own settings once more
    assert (folder / "tracks.mp4").stat().st_mtime_ns and not (folder / "crops").exists()


def test_a_run_of_something_else_is_refused(folder, tmp_path, capsys):
    def refused(*words):
        assert relink.main([str(folder), *map(str, words)]) == 2
        error = capsys.readouterr().err
        assert len(error.strip().splitlines()) == 1
        return error

    assert "not what was tracked" in refused("--source", "street:1")
    assert "only" in refused("--interpolate", "3")
    settings = tmp_path / "other.json"
    settings.write_text('{"start_confidence": 0.9}')
    assert "other tracklets" in refused("--settings", settings)
    assert "other weights" in refused("--weights", "read-m")
    (folder / "tracklets.sqlite").unlink()
    assert "--keep" in refused()


@pytest.mark.parametrize(
    ("error", "status", "last"),
    [
        (MemoryError("Unable to allocate 9 MiB"), 2, "error: memory ran out; {}"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "error: memory ran out; {}"),
        (KeyboardInterrupt(), 130, "{}\nstopped"),
    ],
)
def test_a_run_that_ends_while_it_links_is_linked_again(tmp_path, capsys, monkeypatch, error, status, last):
    def link(*_):
        raise error

    out = tmp_path / "a run"
    words = ["street", "--weights", "none", "--no-video", "--no-report", "--quiet", "--end", "60", "--out"]
    assert track.main([*words, str(tmp_path / "whole")]) == 0
    with monkeypatch.context() as patched:
        patched.setattr("readtrack.linker.link_blocks", link)
        assert track.main([*words, str(out)]) == status
    hint = f"what was gathered is kept: readtrack relink '{out}'"
    assert capsys.readouterr().err == last.format(hint) + "\n"
    assert relink.main([str(out), "--quiet"]) == 0
    assert (out / "tracks.txt").read_bytes() == (tmp_path / "whole" / "tracks.txt").read_bytes()


def test_memory_that_runs_out_before_anything_is_kept_is_told(tmp_path, capsys, monkeypatch):
    def see(*_):
        raise MemoryError

    monkeypatch.setattr("readtrack.gathering.Gathering.see", see)
    assert track.main(["street", "--weights", "none", "--no-video", "--quiet", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err == "error: memory ran out: close other programs\n"


def test_many_tracklets_are_announced(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(track, "MANY", 10)
    words = ["street", "--weights", "none", "--no-video", "--no-report", "--end", "60", "--out", str(tmp_path / "run")]
    assert track.main(words) == 0
    assert f"tracklets are linked now; should that be ended, readtrack relink {tmp_path}" in capsys.readouterr().out


def test_tracks_need_their_source(sequence, capsys):
    assert relink.main([str(sequence / "tracks.txt")]) == 2
    assert "--source" in capsys.readouterr().err
