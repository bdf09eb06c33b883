"""Ground truth, and tracks with all their rows."""

import logging
from pathlib import Path

import pytest

from readtrack.errors import InputError
from readtrack.mot import read_mot, read_truth

MOT15 = Path(__file__).parents[3] / "shared" / "data" / "mot15"
LINE = "3,-1,10,20,30,40.5,0.75,-1,-1,-1"


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "gt.txt"
        path.write_text(text)
        return path

    return to_file


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


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no ground truth"),
        ("# nobody\n", "no ground truth"),
        ("1,1,10,20,30,40,0,-1,-1,-1\n", "nobody who counts"),
        ("1,1,10,20,30,40,1,7,1\n", "nobody of class 1 who counts"),
    ],
)
def test_a_truth_of_nobody_is_refused(write, text, word):
    with pytest.raises(InputError, match=word):
        read_truth(write(text))


@pytest.mark.parametrize("odd", ["1,9,10,20,30,40,1,1,1.02", "1,9,10,20,30,40,1,1,-0.2", "1,9,10,20,30,40,1,14,0.5"])
def test_an_odd_row_leaves_the_others_their_classes(write, caplog, odd):
    """A standing person of class 7 must stay out, whatever one other row says."""
    with caplog.at_level(logging.WARNING, "readtrack"):
        found = read_truth(write(f"1,1,10,20,30,40,1,1,0.8\n1,2,10,20,30,40,1,7,0.5\n{odd}\n2,1,10,20,30,40,1,1,1\n"))
    assert found[0].tracker_id.tolist() == ([1, 9] if ",1,1," in odd else [1])
    assert all(0 <= v <= 1 for v in found[0].data["visibility"])
    assert len(caplog.records) == 1 and "1 rows" in caplog.text


def test_truth_may_count_its_frames_from_0(write, caplog):
    with caplog.at_level(logging.WARNING, "readtrack"):
        assert list(read_truth(write("0,1,10,20,30,40,1\n3,1,10,20,30,40,1\n"))) == [0, 3]
    assert "from 0" in caplog.text


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
