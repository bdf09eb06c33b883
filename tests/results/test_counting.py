"""Lines and zones: who crossed which way, who stayed how long, by final identities."""

import csv

import cv2
import numpy as np
import pytest
import supervision as sv

from readtrack.commands import track
from readtrack.errors import InputError
from readtrack.results import Overlay, Place, Table, check_places, count, places, write_counts
from readtrack.results.blurring import blurred


def table_of(rows, fps=10, stride=1, **run):
    """Rows (frame, id, x of the feet): everybody's feet are at y = 100."""
    frame, ids, x = (np.array(column) for column in zip(*rows, strict=True))
    xyxy = np.stack([x - 10.0, np.full(len(x), 20.0), x + 10.0, np.full(len(x), 100.0)], axis=1)
    nothing = np.zeros(len(x), dtype=bool)
    about = {"run": {"fps": fps, "stride": stride, **run}}
    return Table(frame, frame / fps, ids, xyxy, np.ones(len(x)), nothing, np.ones(len(x)), ids, {2: "bob"}, about)


LINE = Place("line", "door", ((100.0, 200.0), (100.0, 0.0)))  # upwards in the image: `in` is towards the left
ZONE = Place("zone", "queue", ((50.0, 50.0), (150.0, 50.0), (150.0, 150.0), (50.0, 150.0)))


def told(events):
    return [(one.event, one.id, one.first_frame, one.last_frame) for one in events]


def test_who_crosses_and_which_way():
    rows = [(f, 1, 60 + 5 * f) for f in range(20)] + [(f, 2, 140 - 5 * f) for f in range(20)]
    events = count(table_of(rows), [LINE])
    assert [(one.event, one.id, one.name) for one in events] == [("out", 1, ""), ("in", 2, "bob")]
    assert all(8 <= one.first_frame <= 11 and one.seconds == 0 for one in events)


def test_who_was_away_while_crossing_counts_once_and_who_turns_back_does_not():
    away = [(f, 1, 60 + f) for f in range(10)] + [(f, 1, 150.0) for f in range(900, 910)]
    back = [(f, 2, 60 + 3 * min(f, 20 - f)) for f in range(21)]
    assert told(count(table_of(away + back), [LINE]))[0][:2] == ("out", 1)
    assert len(count(table_of(away + back), [LINE])) == 1


def test_stays_bridge_what_is_short_and_are_in_seconds():
    rows = [(f, 1, 100) for f in range(20) if not 8 <= f < 11] + [(f, 1, 100) for f in range(40, 45)]
    rows += [(f, 2, 300) for f in range(40)]
    events = count(table_of(rows), [ZONE])
    assert told(events) == [("stay", 1, 0, 19), ("stay", 1, 40, 44)] and events[0].seconds == pytest.approx(1.9)
    strided = [(4 * f, 1, 100) for f in range(20)]
    assert len(count(table_of(strided, fps=40, stride=4), [ZONE])) == 1


def test_counts_are_written_and_nothing_without_places(tmp_path):
    place = {"kind": "zone", "name": 'the "queue", left', "points": [list(p) for p in ZONE.points]}
    assert write_counts(tmp_path, table_of([(0, 1, 100)])) == [] and not list(tmp_path.iterdir())
    write_counts(tmp_path, table_of([(f, 2, 100) for f in range(5)], places=[place]))
    with (tmp_path / "counts.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["place"] == place["name"] and row["name"] == "bob" and float(row["seconds"]) == 0.4


def test_nobody_is_counted_as_nobody():
    nobody = table_of([(0, 1, 100)])
    empty = Table(*(getattr(nobody, name)[:0] for name in ("frame", "seconds", "id", "xyxy")), *[np.zeros(0)] * 4)
    assert count(empty, [LINE, ZONE]) == []


def test_the_video_tells_what_was_counted_so_far():
    overlay = Overlay([LINE, ZONE])
    assert overlay.words(LINE, 5) == "door"
    overlay.events = count(table_of([(f, 1, 60 + 5 * f) for f in range(20)]), [LINE, ZONE])
    assert overlay.words(LINE, 0) == "door: in 0, out 0" and overlay.words(LINE, 19) == "door: in 0, out 1"
    assert overlay.words(ZONE, 3) == "queue: 1 there, 1 so far"
    canvas = np.zeros((200, 300, 3), np.uint8)
    overlay.draw(canvas, 5)
    assert canvas.any()


@pytest.mark.parametrize(
    ("line", "zone", "wrong"),
    [
        (["1,2,3"], [], "is no line"),
        (["1,2,1,2"], [], "is no line"),
        (["a,b,c,d"], [], "is no line"),
        (["1,2,nan,4"], [], "is no line"),
        ([], ["1,2 3,4"], "is no zone"),
        ([], ["1,2 3,4 5"], "is no zone"),
        (["a=1,2,3,4"], ["a=1,2 3,4 9,0"], "'a' names several"),
        (["=1,2,3,4"], [], "or none"),
    ],
)
def test_what_is_no_line_or_zone_is_told(line, zone, wrong):
    with pytest.raises(InputError, match=wrong):
        places(line, zone)


def test_places_have_names_and_must_touch_the_image():
    found = places(["1,2,3,4", "door = 5,6,7,8"], ["0,0 9,0 9,9"])
    assert [(one.kind, one.name) for one in found] == [("line", "line 1"), ("line", "door"), ("zone", "zone 1")]
    check_places(found, (10, 10))
    for outside in ("20,0 30,0 30,9", "-9,0 -1,0 -1,9", "0,10 9,10 9,99"):
        with pytest.raises(InputError, match="outside the 10 x 10 image"):
            check_places(places([], [outside]), (10, 10))


def test_a_zone_outside_is_one_line_before_anything_is_written(tmp_path, capsys):
    out = tmp_path / "out"
    assert track.main(["street", "--zone", "2000,0 3000,0 3000,9", "--out", str(out), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "outside the 960 x 540 image" in error and error.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize("what", ["faces", "people"])
def test_what_is_blurred_is_cells_and_the_rest_stays(what):
    image = np.random.default_rng(0).integers(0, 255, (120, 100, 3)).astype(np.uint8)
    before = image.copy()
    people = sv.Detections(np.array([[40.0, 20, 60, 100], [90, -50, 130, 30]]))
    shown = blurred(image, people, what)
    assert (image == before).all()
    lower = 100 if what == "people" else 20 + 24
    cells = shown[20:lower, 40:60].reshape(-1, 3)
    assert len(np.unique(cells, axis=0)) <= 49
    assert (shown[60:90, 42:58] == image[60:90, 42:58]).all() == (what == "faces")
    assert (shown[:, :36] == image[:, :36]).all() and (shown[:8, 92:] != image[:8, 92:]).any()


def test_boxes_that_show_nothing_blur_nothing():
    image = np.full((20, 20, 3), 7, np.uint8)
    odd = sv.Detections(np.zeros((3, 4)))
    odd.xyxy = np.array([[np.nan, 0, 1, 1], [50, 50, 60, 60], [3, 3, 3, 3]])
    assert (blurred(image, odd, "people") == image).all()
    assert cv2.countNonZero(blurred(image, sv.Detections.empty(), "faces")[..., 0]) == 400
