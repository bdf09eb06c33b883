"""Corrections: made on a finished run, kept, taken back, and found again when the run was repeated."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import supervision as sv

from readtrack.commands import edit
from readtrack.errors import InputError
from readtrack.mot import read_mot
from readtrack.results import Album, Results, amend, corrected, edits, read, read_edits, write_edits
from readtrack.tracking import Association
from readtrack.video import Frame

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 160, 3)).astype(np.uint8)


def box(left, frame):
    return [left + frame, 5.0, left + frame + 20, 50]


@pytest.fixture
def folder(tmp_path):
    """1 is seen in frames 0 to 9 and 2 in 12 to 19 at the same place; 3 beside them throughout."""
    album = Album(10)
    with Results(tmp_path, 10, video=False, album=album) as results:
        for frame in range(20):
            seen = {1: box(10, frame)} if frame < 10 else {2: box(10, frame)} if frame >= 12 else {}
            seen[3] = box(90, frame)
            people = sv.Detections(np.array([*seen.values()]), tracker_id=np.array([*seen]))
            told = [Association(15, 3, -1, "linked", 0.6, 0.3, 1, 0.0, boxes=9)] if frame == 15 else []
            results.write(Frame(frame, IMAGE), people, told, [])
    (tmp_path / "summary.json").write_text(json.dumps({"run": {"fps": 10, "stride": 1, "source": "s"}, "frames": 20}))
    (tmp_path / "report.html").write_text("an earlier page")
    album.save(tmp_path / "pictures.zip")
    return tmp_path


def lives(path):
    """First and last frame of each identity in a file."""
    frames = {}
    for frame, people in read_mot(path / "tracks.txt").items():
        for track in people.tracker_id.tolist():
            frames.setdefault(track, []).append(frame)
    return {track: (own[0], own[-1]) for track, own in frames.items()}


def run(folder, *words):
    return edit.main([str(folder), *words, "--quiet"])


def test_corrections_are_made_and_taken_back(folder):
    before = (folder / "tracks.txt").read_bytes()
    assert run(folder, "merge", "1", "2") == 0
    assert lives(folder) == {1: (0, 19), 3: (0, 19)}
    assert run(folder, "split", "3", "--at", "15") == 0
    assert lives(folder) == {1: (0, 19), 3: (0, 14), 4: (15, 19)}
    assert run(folder, "rename", "4", "Ann, the courier") == 0
    assert run(folder, "drop", "3") == 0
    assert lives(folder) == {1: (0, 19), 4: (15, 19)}
    table = read(folder)
    assert table.names == {4: "Ann, the courier"} and len(set(table.id.tolist())) == 2
    page = (folder / "report.html").read_text()
    assert "Ann, the courier" in page and "merge 1 2" in page and page.count("<img") > 2
    for _ in range(4):
        assert run(folder, "undo") == 0
    assert (folder / "tracks.txt").read_bytes() == before and read_edits(folder) == []


def test_pictures_and_decisions_follow_corrections(folder):
    run(folder, "split", "3", "--at", "10")
    page = (folder / "report.html").read_text()
    row = page.split('id="person-4"')[1].split("</tr>")[0]
    assert "person 4 at 1.0 s" in row and "person 4 at 0.0 s" not in row
    assert "doubtful, 60 %" in row  # the decision of frame 15 is 4's now
    assert "doubtful" not in page.split('id="person-3"')[1].split("</tr>")[0]


def test_people_are_called_by_name_too(folder):
    assert run(folder, "rename", "2", "bob") == 0 and run(folder, "merge", "1", "bob") == 0
    assert lives(folder)[1] == (0, 19) and read(folder).names == {1: "bob"}


def test_formats_that_are_there_follow(folder):
    from readtrack.commands import export_tracks

    assert export_tracks.main([str(folder), "--format", "csv", "--quiet"]) == 0
    run(folder, "rename", "3", "Cy")
    assert ",3,Cy," in (folder / "tracks.csv").read_text()


def test_a_repeated_run_is_corrected_again_whatever_the_numbers_are(folder):
    run(folder, "merge", "1", "2")
    run(folder, "rename", "3", "Cy")
    (folder / "tracks.unedited.txt").unlink()  # as a run begins
    with Results(folder, 10, video=False) as results:
        for frame in range(20):
            seen = {8: box(10, frame)} if frame < 10 else {5: box(10, frame)} if frame >= 12 else {}
            seen[6] = box(90, frame)
            people = sv.Detections(np.array([*seen.values()]), tracker_id=np.array([*seen]))
            results.write(Frame(frame, None), people, [], [])
    table, left_out = amend(folder)
    assert left_out == [] and lives(folder) == {8: (0, 19), 6: (0, 19)} and table.names == {6: "Cy"}
    again, _ = amend(folder)
    assert again.id.tolist() == table.id.tolist()


def test_what_the_run_took_itself_stays_as_it_is_and_who_is_gone_is_told(folder):
    made = edits.merge(read(folder), 1, 2)
    joined = replace(read(folder), id=np.where(read(folder).id == 2, 1, read(folder).id))
    assert edits.apply(joined, [made])[0].id.tolist() == joined.id.tolist()
    empty = read(folder)
    gone = replace(made, anchors=[(0, (500.0, 500.0, 520.0, 560.0)), made.anchors[1]])
    table, (line,) = edits.apply(empty, [gone])
    assert table.id.tolist() == empty.id.tolist() and "merge 1 2" in line and "frame 0" in line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["merge", "1", "9"], "nobody has the number 9"),
        (["merge", "1", "1"], "one number"),
        (["merge", "1", "3"], "both seen in frame 0"),
        (["merge", "1"], "takes 2 words"),
        (["split", "3"], "--at"),
        (["split", "3", "--at", "0"], "from frame 0 to 19"),
        (["split", "3", "--at", "20"], "from frame 0 to 19"),
        (["drop", "3", "--at", "2"], "--at"),
        (["drop", "ann"], "'ann' is nobody"),
        (["undo"], "no corrections"),
        (["mend", "3"], "'mend' is no correction"),
    ],
)
def test_what_cannot_be_corrected_is_one_line_and_changes_nothing(words, told, folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(folder, *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error and error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("text", ["{", "[]", '{"edits": [{"do": "merge"}]}', '{"edits": [{"do": "x", "anchors": []}]}'])
def test_a_damaged_file_of_corrections_is_told(text, folder, capsys):
    (folder / "edits.json").write_text(text)
    assert run(folder, "list") == 2
    assert "edits.json: cannot be read" in capsys.readouterr().err
    with pytest.raises(InputError, match="edits.json"):
        read(folder)


def test_a_folder_without_a_run_is_told(tmp_path, capsys):
    assert edit.main([str(tmp_path), "list"]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here, which stands for a full disk")
def test_a_full_disk_leaves_tracks_and_page_whole(folder, capsys):
    before = (folder / "tracks.txt").read_bytes()
    (folder / f"edits.json.{os.getpid()}.partial").symlink_to("/dev/full")
    assert run(folder, "drop", "3") == 2
    assert "edits.json: cannot be written" in capsys.readouterr().err
    assert (folder / "tracks.txt").read_bytes() == before and read_edits(folder) == []
    (folder / f"report.html.{os.getpid()}.partial").symlink_to("/dev/full")
    assert run(folder, "drop", "3") == 2
    assert (folder / "report.html").read_text() == "an earlier page"
    assert 3 not in lives(folder)
    write_edits(folder, [])
    assert corrected(folder)[0].id.max() == 3
