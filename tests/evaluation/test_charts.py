"""Charts, by their pixels."""

import numpy as np

from readtrack.evaluation.charts import BLUE, CROP, LEFT, RED, SIDE, TOP, Confusion, confusion_sheet, reliability_chart
from readtrack.metrics.calibration import reliability_curve


def curve_of(probability, same, bins=5):
    return reliability_curve(np.array(probability), np.array(same), 0.5, bins)


def count(image, colour):
    return int((image == colour).all(axis=2).sum())


def test_what_is_as_stated_stands_on_the_diagonal():
    # Said 0.25 and 0.75, and so it is.
    same = np.arange(8) < 4
    probability = np.where([1, 0, 1, 1, 0, 0, 0, 1], 0.75, 0.25)
    chart = reliability_chart(curve_of(probability, same), "title", "note")
    assert chart.dtype == np.uint8 and chart.shape[2] == 3
    for p in (0.25, 0.75):
        x, y = LEFT + round(p * SIDE), TOP + round((1 - p) * SIDE)
        assert (chart[y, x] == BLUE).all()


def test_what_is_off_is_framed():
    honest = reliability_chart(curve_of([0.0, 0.0, 1.0, 1.0], [False, False, True, True]), "title")
    boastful = reliability_chart(curve_of([0.9, 0.9, 0.9, 0.9], [False, False, True, True]), "title")
    axes = np.s_[TOP + 40 : TOP + SIDE - 10, LEFT + 10 : LEFT + SIDE - 10]
    assert count(honest[axes], RED) < count(boastful[axes], RED)


def test_a_curve_of_one_pair_or_of_one_kind_is_drawn():
    for same in ([True], [False]):
        assert reliability_chart(curve_of([0.3], same), "title").any()


def picture(value):
    return np.full((2 * CROP, CROP, 3), value, np.uint8)


def test_a_sheet_shows_queries_clips_and_words():
    row = Confusion(picture(10), [picture(77), picture(99)], ["probability 0.9", "query: a.jpg"])
    sheet = confusion_sheet({"wrong": [row, row], "missed": []}, "title")
    assert [count(sheet, (v, v, v)) >= 2 * (CROP // 2) * CROP for v in (10, 77, 99)] == [True] * 3
    one = confusion_sheet({"wrong": [row], "missed": []}, "title")
    assert one.shape[0] < sheet.shape[0] and one.shape[1] == sheet.shape[1]


def test_many_words_and_odd_crops_fit():
    wide = np.zeros((3, 40, 3), np.uint8)
    rows = [Confusion(wide, [picture(5)] * 12, ["word " * 40] * 30), Confusion(picture(5), [wide], [])]
    assert confusion_sheet({"wrong": rows}, "title").shape[0] == confusion_sheet({"wrong": rows[::-1]}, "t").shape[0]
