"""Rows out: whole, sorted, corrected, and nothing torn by a full disk or a kill."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from readtrack.errors import InputError
from readtrack.mot import MotWriter, read_mot


def boxes(*ids, confidence=None):
    """One box per id; its left is ten times the id."""
    xyxy = np.array([[10.0 * i, 20, 10 * i + 30, 60] for i in ids]).reshape(-1, 4)
    return sv.Detections(xyxy=xyxy, confidence=confidence, tracker_id=np.array(ids, dtype=int))


def test_rows_are_one_based_and_whole(tmp_path):
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(0, boxes(2, 1, confidence=np.array([0.123456, 1])))
        writer.write(4, boxes(1))
    assert (tmp_path / "out.txt").read_text() == (
        "1,1,10.00,20.00,30.00,40.00,1.0000,-1,-1,-1\n"
        "1,2,20.00,20.00,30.00,40.00,0.1235,-1,-1,-1\n"
        "5,1,10.00,20.00,30.00,40.00,1.0000,-1,-1,-1\n"
    )


def test_what_is_written_is_read_back(tmp_path):
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(3, boxes(1, 5, confidence=np.array([0.5, 0.75], np.float32)))
    found = read_mot(tmp_path / "out.txt")
    assert list(found) == [3]
    assert found[3].tracker_id.tolist() == [1, 5] and found[3].confidence.tolist() == [0.5, 0.75]
    assert found[3].xyxy.tolist() == boxes(1, 5).xyxy.tolist()


def test_tentative_tracks_and_empty_frames_are_left_out(tmp_path):
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(0, sv.Detections.empty())
        writer.write(1, boxes(-1, 0))
        writer.write(2, boxes(-1, 3, -1))
    assert read_mot(tmp_path / "out.txt")[2].tracker_id.tolist() == [3]
    assert len(read_mot(tmp_path / "out.txt")) == 1


def test_nobody_gives_an_empty_file(tmp_path):
    with MotWriter(tmp_path / "out.txt"):
        pass
    assert read_mot(tmp_path / "out.txt") == {}


def test_rows_are_on_disk_at_once(tmp_path):
    with MotWriter(tmp_path / "out.txt") as writer:
        for i in range(3):
            writer.write(i, boxes(1, 2))
            assert len((tmp_path / "out.txt").read_text().splitlines()) == 2 * (i + 1)


def test_late_rows_are_sorted_in_on_close(tmp_path):
    writer = MotWriter(tmp_path / "out.txt")
    for index, ids in [(9, [1]), (11, [2, 1]), (10, [3]), (9, [12, 2]), (1, [1])]:
        writer.write(index, boxes(*ids))
    writer.close()
    writer.close()
    rows = [tuple(map(int, line.split(",")[:2])) for line in (tmp_path / "out.txt").read_text().splitlines()]
    assert rows == [(2, 1), (10, 1), (10, 2), (10, 12), (11, 3), (12, 1), (12, 2)]
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_identities_that_proved_wrong_are_corrected_on_close(tmp_path):
    with MotWriter(tmp_path / "out.txt") as writer:
        for index in range(3):
            writer.write(index, boxes(1, 2, 3))
        writer.correct([(1, 1, 2), (1, 2, 1), (2, 1, 2), (2, 2, 1)])  # 1 and 2 were mixed up from frame 1 on
        writer.correct([(2, 1, 4)])  # and who seemed to be 1 in frame 2 is somebody else
        writer.write(2, boxes(1))
        with pytest.raises(InputError, match="twice"):
            writer.write(2, boxes(4))
    found = read_mot(tmp_path / "out.txt")
    lefts = {
        index: {int(n): int(x) for n, x in zip(d.tracker_id, d.xyxy[:, 0], strict=True)} for index, d in found.items()
    }
    assert lefts == {0: {1: 10, 2: 20, 3: 30}, 1: {1: 20, 2: 10, 3: 30}, 2: {1: 10, 2: 10, 3: 30, 4: 20}}
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_wrong_rows_are_refused_and_leave_the_file_whole(tmp_path):
    endless = boxes(4)
    endless.xyxy[0, 2] = np.inf
    with MotWriter(tmp_path / "out.txt") as writer:
        writer.write(5, boxes(1, 2))
        for index, wrong, word in [
            (6, boxes(3, 3), "twice"),
            (5, boxes(3, 2), "twice"),
            (6, sv.Detections(xyxy=np.ones((1, 4))), "tracker_id"),
            (6, endless, "finite"),
            (-1, boxes(1), "from 0"),
        ]:
            with pytest.raises(InputError, match=word):
                writer.write(index, wrong)
        writer.write(7, boxes(3))
    assert list(read_mot(tmp_path / "out.txt")) == [5, 7]


def test_unwritable_paths_are_refused(tmp_path):
    for path in (tmp_path / "none" / "out.txt", tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            MotWriter(path)


LIMITED = """
import resource, signal, sys
import numpy as np, supervision as sv
from readtrack.errors import InputError
from readtrack.mot import MotWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))  # bytes: the twentieth row would be torn
people = sv.Detections(xyxy=np.tile([1.0, 2, 30, 40], (3, 1)), tracker_id=np.arange(1, 4))
with MotWriter(sys.argv[1]) as writer:
    for index in range(50):
        if index == 30:  # space returns
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        try:
            writer.write(index, people)
        except InputError as error:
            print(index, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_whole_rows_and_is_told(tmp_path):
    """A limit on the file's size takes a part of a write and refuses the next, as a full disk does."""
    path = tmp_path / "out.txt"
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stderr == ""
    refused = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert 5 < refused[0] < 12 and refused == list(range(refused[0], 30)) and "cannot be written" in done.stdout
    found = read_mot(path)
    assert list(found) == [*range(refused[0]), *range(30, 50)] and all(len(people) == 3 for people in found.values())


def test_corrections_that_find_no_space_leave_the_rows_as_they_were(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = MotWriter(tmp_path / "out.txt")
    writer.write(3, boxes(1))
    writer.write(1, boxes(2))
    before = (tmp_path / "out.txt").read_bytes()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        writer.close()
    assert (tmp_path / "out.txt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_a_killed_run_leaves_whole_lines(tmp_path):
    program = """
import sys, numpy as np, supervision as sv
from readtrack.mot import MotWriter
writer = MotWriter(sys.argv[1])
ids = np.arange(1, 21)
people = sv.Detections(xyxy=np.tile([1.0, 2, 30, 40], (20, 1)), tracker_id=ids)
for i in range(10**6):
    writer.write(i, people)
    print(i, flush=True)
"""
    path = tmp_path / "out.txt"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        written = next(int(line) for line in process.stdout if int(line) >= 200)
        process.kill()
    assert path.read_text().endswith("\n")
    found = read_mot(path)
    assert max(found) >= written and all(len(d) == 20 for d in found.values())
