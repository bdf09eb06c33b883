"""MOTChallenge text in and out."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st

from readtrack.errors import InputError
from readtrack.mot import MotWriter, read_mot, read_truth

MOT15 = Path(__file__).parents[2] / "shared" / "data" / "mot15"

LINE = "3,-1,10,20,30,40.5,0.75,-1,-1,-1"


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "det.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def boxes(*ids, confidence=None):
    """One box per id; its left is ten times the id."""
    xyxy = np.array([[10.0 * i, 20, 10 * i + 30, 60] for i in ids]).reshape(-1, 4)
    return sv.Detections(xyxy=xyxy, confidence=confidence, tracker_id=np.array(ids, dtype=int))


# Reading


def test_detections_come_by_frame_from_zero(write):
    found = read_mot(write(f"{LINE}\n1,-1,1,2,3,4,0.5,-1,-1,-1\n3,-1,5,6,7,8,0.25,-1,-1,-1\n"))
    assert list(found) == [0, 2]
    assert found[2].xyxy.tolist() == [[10, 20, 40, 60.5], [5, 6, 12, 14]]
    assert found[2].confidence.tolist() == [0.75, 0.25]
    assert found[2].class_id.tolist() == [0, 0]
    assert found[2].tracker_id is None and "visibility" not in found[2].data


def test_results_keep_their_identities_and_confidence_defaults_to_one(write):
    found = read_mot(write("1,7,1,2,3,4,-1,-1,-1,-1\n2,8,1,2,3,4,-1,-1,-1,-1\n"))
    assert found[0].tracker_id.tolist() == [7] and found[1].tracker_id.tolist() == [8]
    assert found[0].confidence.tolist() == [1]


@pytest.mark.parametrize(
    "text",
    [
        "3 -1 10 20 30 40.5 0.75",
        "3\t-1\t10\t20\t30\t40.5\t0.75\n",
        "3, -1, 10, 20, 30, 40.5, 0.75, -1, -1, -1",
        "\ufeff# frame, id, ...\r\n\r\n  \r\n3,-1,10,20,30,40.5,7.5e-1,-1,-1,-1  # a person\r\n",
        "3,-1,10,20,30,40.5,0.75,\n",
        "3,-1,10,20,30,40.5,0.75,-1,-1,-1,99,98,97",
        "3.0,-1.0,10,20,30,40.5,.75",
    ],
)
def test_separators_comments_and_columns_are_taken_leniently(write, text):
    found = read_mot(write(text))
    assert list(found) == [2]
    assert found[2].xyxy.tolist() == [[10, 20, 40, 60.5]]
    assert found[2].confidence.tolist() == [0.75] and found[2].tracker_id is None


def test_lines_of_unequal_length_and_mixed_separators(write):
    found = read_mot(write("1,4,1,2,3,4\n1 5 1 2 3 4 0.5\n2,6,1,2,3,4,0.5,-1,-1,-1\n"))
    assert found[0].tracker_id.tolist() == [4, 5] and found[0].confidence.tolist() == [-1, 0.5]


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n"])
def test_an_empty_file_holds_nobody(write, text):
    assert read_mot(write(text)) == {}
    assert read_truth(write(text)) == {}


@pytest.mark.parametrize(
    "bad",
    [
        "3,-1,10,20,30",
        "3,,10,20,30,40,0.5",
        "three,-1,10,20,30,40,0.5",
        "3;-1;10;20;30;40;0.5",
        "0,-1,10,20,30,40,0.5",
        "-4,-1,10,20,30,40,0.5",
        "1.5,-1,10,20,30,40,0.5",
        "3,1.5,10,20,30,40,0.5",
        "3,-1,nan,20,30,40,0.5",
        "3,-1,10,inf,30,40,0.5",
        "3,-1,10,20,-30,40,0.5",
        "3,-1,10,20,30,-40,0.5",
        "3,-1,10,20,30,40,nan",
        "1e300,-1,10,20,30,40,0.5",
        "<html>",
        "x" * 500,
    ],
)
def test_a_broken_line_is_named(write, bad):
    path = write(f"# head\n\n{LINE}\n{bad}\n{LINE}\n")
    with pytest.raises(InputError) as caught:
        read_mot(path)
    message = str(caught.value)
    assert f"{path}:4: " in message and bad[:50] in message
    assert "frame,id,left,top,width,height" in message and "fix or delete" in message
    assert "\n" not in message and len(message) < 300
    with pytest.raises(InputError, match=":1: "):
        read_mot(write(bad))


def test_what_is_no_text_or_not_there_is_refused(write, tmp_path):
    with pytest.raises(InputError, match="not text"):
        read_mot(write(b"\x80\x81\xff" * 20))
    with pytest.raises(InputError, match="no such file"):
        read_mot(tmp_path / "none.txt")
    with pytest.raises(InputError, match="directory"):
        read_mot(tmp_path)


def test_a_hundred_thousand_lines_take_moments(write):
    path = write("".join(f"{i // 20 + 1},{i % 20 + 1},{i % 640}.5,20,30,40,0.9,-1,-1,-1\n" for i in range(100_000)))
    start = time.process_time()
    found = read_mot(path)
    assert time.process_time() - start < 2  # 0.3 s where nothing else runs
    assert len(found) == 5000 and sum(map(len, found.values())) == 100_000


@given(text=st.text(alphabet="0123456789,.- \n#eainf", max_size=80))
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_text(text)
    try:
        found = read_mot(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(len(d) and np.isfinite(d.xyxy).all() and frame >= 0 for frame, d in found.items())


# Ground truth


def test_truth_keeps_the_pedestrians_that_count(write):
    found = read_truth(
        write(
            "1,1,10,20,30,40,1,1,0.8\n"  # counts
            "1,2,10,20,30,40,0,1,0.9\n"  # flagged out
            "1,3,10,20,30,40,1,7,0.5\n"  # a standing one
            "1,4,10,20,30,40,0,13,0\n"
            "2,1,10,20,30,40,1,1,0\n"
        )
    )
    assert found[0].tracker_id.tolist() == [1] and found[1].tracker_id.tolist() == [1]
    assert found[0].data["visibility"].tolist() == [0.8] and found[1].data["visibility"].tolist() == [0]
    assert found[0].confidence.tolist() == [1]


@pytest.mark.parametrize(
    "line",
    [
        "1,1,16,149,76,190,1,-1,-1,-1",
        "1,1,50,191,61,141,1,-5.0036,11.913,0.69979",
        "1,1,50,191,61,141,1,3,11.913,0.69979",
        "1,1,50,191,61,141,1,2.5,0.5,0",
        "1,1,50,191,61,141,1",
        "1,1,50,191,61,141",
        "1,1,50,191,61,141,1,14,0.5",
    ],
)
def test_world_coordinates_are_no_classes(write, line):
    found = read_truth(write(line + "\n"))
    assert len(found[0]) == 1 and "visibility" not in found[0].data


def test_truth_flagged_out_altogether_is_empty(write):
    assert read_truth(write("1,1,10,20,30,40,0,-1,-1,-1\n")) == {}


def test_truth_wants_each_identity_once_in_a_frame(write):
    path = write("1,1,1,2,3,4,1,-1,-1,-1\n2,1,1,2,3,4,1,-1,-1,-1\n2,1,1,2,3,4,1,-1,-1,-1\n")
    with pytest.raises(InputError, match=r":3: .*second time"):
        read_truth(path)
    with pytest.raises(InputError, match=r":1: .*no identity"):
        read_truth(write(LINE))


@pytest.mark.data
@pytest.mark.skipif(not MOT15.exists(), reason="needs MOT15 sequences beside the checkout")
@pytest.mark.parametrize(
    ("name", "counted"),
    [("TUD-Campus", 359), ("TUD-Stadtmitte", 1156), ("KITTI-13", 762), ("ETH-Sunnyday", 1858), ("Venice-2", 7141)],
)
def test_real_truth_and_detections(name, counted):
    truth = read_truth(MOT15 / name / "gt" / "gt.txt")
    assert sum(map(len, truth.values())) == counted
    assert all(d.tracker_id.min() >= 1 and "visibility" not in d.data for d in truth.values())
    found = read_mot(MOT15 / name / "det" / "det.txt")
    assert all(d.tracker_id is None for d in found.values()) and min(found) >= 0


# Writing


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
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        written = next(int(line) for line in process.stdout if int(line) >= 200)
        process.kill()
    assert path.read_text().endswith("\n")
    found = read_mot(path)
    assert max(found) >= written and all(len(d) == 20 for d in found.values())
