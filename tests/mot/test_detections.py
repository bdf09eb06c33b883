"""Detections in any of the units that people write them in, and results."""

import logging
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readtrack.errors import InputError
from readtrack.mot import read_mot

DATA = Path(__file__).parents[3] / "shared" / "data"

LINE = "3,-1,10,20,30,40.5,0.75,-1,-1,-1"


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "det.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


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
        "3;-1;10;20;30;40.5;0.75;-1;-1;-1",
        "3;-1;10,0;20;30;40,5;0,75",
        "3\t-1\t10\t20\t30\t40,5\t0,75",
        "3 -1 10 20 30 40,5 0,75 -1 -1 -1",
    ],
)
def test_separators_comments_and_columns_are_taken_leniently(write, text):
    found = read_mot(write(text))
    assert list(found) == [2]
    assert found[2].xyxy.tolist() == [[10, 20, 40, 60.5]]
    assert found[2].confidence.tolist() == [0.75] and found[2].tracker_id is None


def test_lines_of_unequal_length_and_mixed_separators(write):
    found = read_mot(write("1,4,1,2,3,4\n1 5 1 2 3 4 0.5\n2,6,1,2,3,4,0.5,-1,-1,-1\n"))
    assert found[0].tracker_id.tolist() == [4, 5] and found[0].confidence.tolist() == [1, 0.5]


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n"])
def test_an_empty_file_holds_nobody_and_says_so(write, text, caplog):
    found, told = read_telling(caplog, write(text))
    assert found == {} and "holds no boxes" in told[0]


@pytest.mark.parametrize(
    "bad",
    [
        "3,-1,10,20,30",
        "3,,10,20,30,40,0.5",
        "three,-1,10,20,30,40,0.5",
        "3;-1;10;20;thirty;40;0.5",
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


# Other units


def rows(*values):
    """A line for each (left, top, width, height, confidence), one a frame."""
    return "".join(f"{i},-1,{','.join(f'{v:g}' for v in value)},-1,-1,-1\n" for i, value in enumerate(values, 1))


def read_telling(caplog, path, **known):
    with caplog.at_level(logging.WARNING, "readtrack"):
        found = read_mot(path, **known)
    return found, [record.getMessage() for record in caplog.records]


def confidences(found):
    return np.concatenate([people.confidence for people in found.values()])


@pytest.mark.parametrize(
    ("scores", "word", "expected"),
    [
        ([-0.5, 0, 2.0587, -1], "logistic", [0.3775, 0.5, 0.8868, 0.2689]),
        ([12, 55.5, 99, 0.5], "per cent", [0.12, 0.555, 0.99, 0.005]),
        ([18, 27, 143, 20], "ranks", [0.5, 0.8660, 1, 0.7071]),
        ([1.5, 1.5, 3, 2], "ranks", [0.7071, 0.7071, 1, 0.8660]),
        ([-300, 20, 5, -1], "ranks", [0.5, 1, 0.8660, 0.7071]),
    ],
)
def test_scores_become_probabilities_in_their_order(write, caplog, scores, word, expected):
    found, told = read_telling(caplog, write(rows(*((10, 20, 30, 40, score) for score in scores))))
    assert np.allclose(confidences(found), expected, atol=1e-4)
    assert len(told) == 1 and word in told[0] and f"{min(scores):g} to {max(scores):g}" in told[0]


def test_confidences_from_0_to_1_stay_and_what_is_unused_is_1(write, caplog):
    found, told = read_telling(caplog, write(rows((1, 2, 3, 4, 0.25), (1, 2, 3, 4, -1), (1, 2, 3, 4, 1))))
    assert confidences(found).tolist() == [0.25, 1, 1] and told == []


@pytest.mark.parametrize(
    "line",
    [
        "1,-1,912,5,484,2,97,6,109,7,0,98,-1,-1,-1",  # 912.5, 484.2, 97.6, 109.7, 0.98
        "1,-1,912,5,484,2,97,6,109,7",
    ],
)
def test_decimal_commas_between_commas_are_refused(write, line):
    path = write(f"# head\n{line}\n{line}\n")
    with pytest.raises(InputError, match=f"{path}:2: .*decimal commas.*semicolons"):
        read_mot(path)


def test_frames_that_count_from_0_are_understood(write, caplog):
    found, told = read_telling(caplog, write("0,-1,10,20,30,40,0.5\n2,-1,10,20,30,40,0.5\n"))
    assert list(found) == [0, 2] and len(told) == 1 and "from 0" in told[0]


def test_rows_that_repeat_a_box_are_merged(write, caplog):
    found, told = read_telling(
        caplog, write("1,-1,1,2,3,4,0.5\n1,-1,9,2,3,4,0.5\n1,-1,1,2,3,4,0.75\n2,-1,1,2,3,4,0.5\n")
    )
    assert found[0].confidence.tolist() == [0.5, 0.75] and found[0].xyxy[:, 0].tolist() == [9, 1]
    assert len(found[1]) == 1 and len(told) == 1 and "1 rows" in told[0]


SIZE = (640, 480)
BOXES = np.array([(20 + 80 * i, 290 - 10 * i, 60, 180 + 10 * i) for i in range(7)], float)  # feet near the bottom
CENTRED = np.concatenate([BOXES[:, :2] + BOXES[:, 2:] / 2, BOXES[:, 2:]], axis=1)
CORNERS = np.concatenate([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]], axis=1)


@pytest.mark.parametrize(
    ("boxes", "word"),
    [
        (BOXES, None),
        (BOXES / [*SIZE, *SIZE], "640 x 480"),
        (CENTRED, "centre"),
        (CORNERS, "right, bottom"),
        (CENTRED / [*SIZE, *SIZE], "centre"),
        (CORNERS / [*SIZE, *SIZE], "right, bottom"),
    ],
)
def test_coordinates_in_other_units_are_read_beside_a_known_size(write, caplog, boxes, word):
    text = "".join(f"{i},-1,{','.join(map(repr, box))},0.9\n" for i, box in enumerate(boxes.tolist(), 1))
    found, told = read_telling(caplog, write(text), size=SIZE)
    xyxy = np.concatenate([people.xyxy for people in found.values()])
    assert np.allclose(xyxy, CORNERS, atol=1e-6)
    assert (word is None and told == []) or word in told[-1]


def test_shares_of_an_unknown_size_are_refused(write):
    with pytest.raises(InputError, match=r":1: .*from 0 to 1: multiply"):
        read_mot(write("1,-1,0.1,0.2,0.05,0.3,0.9\n"))


def test_boxes_outside_the_image_are_left_out_and_a_file_of_them_refused(write, caplog):
    inside = [(100, 100, 50, 120, 0.9)] * 3
    found, told = read_telling(caplog, write(rows(*inside, (5000, 100, 50, 120, 0.9))), size=SIZE)
    assert list(found) == [0, 1, 2] and len(told) == 1 and "1 boxes lie outside" in told[0]
    with pytest.raises(InputError, match=r":1: .*outside the 640 x 480 image"):
        read_mot(write(rows(*[(900, 700, 50, 120, 0.9)] * 4)), size=SIZE)


def test_people_cut_off_by_the_edges_change_no_reading(write, caplog):
    """As in MOT16, whose boxes go on beyond the image."""
    boxes = [(-40, 100, 90, 500, 0.9), (600, 200, 100, 320, 0.9), (300, 400, 60, 200, 0.9), (-10, 0, 50, 90, 0.9)]
    found, told = read_telling(caplog, write(rows(*boxes)), size=SIZE)
    assert [people.xyxy[0].tolist() for people in found.values()] == [[x, y, x + w, y + h] for x, y, w, h, _ in boxes]
    assert told == []


def test_frames_beyond_the_video_are_told_and_another_video_s_refused(write, caplog):
    found, told = read_telling(caplog, write(rows(*[(1, 2, 30, 40, 0.9)] * 5)), frames=3)
    assert len(found) == 5 and len(told) == 1 and "2 rows are beyond the video's 3 frames, up to 5" in told[0]
    with pytest.raises(InputError, match=":1: .*all others are beyond the video's 3 frames"):
        read_mot(write("4,-1,1,2,30,40,0.9\n9,-1,1,2,30,40,0.9\n"), frames=3)


def test_a_file_below_the_threshold_is_refused(write):
    path = write(rows((1, 2, 30, 40, 0.05), (1, 2, 30, 40, 0.5)))
    assert list(read_mot(path, min_confidence=0.1)) == [1]
    with pytest.raises(InputError, match=r"all boxes are below 0\.6, the best is 0\.5"):
        read_mot(path, min_confidence=0.6)
    assert read_mot(write(""), min_confidence=0.6) == {}


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="needs MOTChallenge sequences beside the checkout")
def test_real_detections_are_read_without_a_word_and_dpm_s_with_one(caplog):
    for file, size in [("mot15/TUD-Stadtmitte/det/det.txt", (640, 480)), ("kitti/0016/det/det.txt", (1224, 370))]:
        found, told = read_telling(caplog, DATA / file, size=size, frames=209)
        plain = read_mot(DATA / file)
        assert told == [] and sum(map(len, found.values())) == sum(map(len, plain.values()))
        raw = np.loadtxt(DATA / file, delimiter=",")[:, 6]
        assert np.array_equal(np.sort(confidences(plain)), np.sort(raw))
    found, told = read_telling(caplog, DATA / "mot16/MOT16-09/det/dpm.txt", size=(1920, 1080), frames=525)
    assert len(told) == 1 and "logistic" in told[0]
    assert 0.37 < confidences(found).min() and confidences(found).max() < 1
