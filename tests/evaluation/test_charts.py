"""Charts: what is drawn where, and that files of both kinds come out."""

import cv2
import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.evaluation.charts import Confusion, cmc_chart, confusion_sheet, reliability_chart, save
from readtrack.metrics.calibration import reliability_curve


def curve_of(probability, same, bins=5):
    return reliability_curve(np.array(probability), np.array(same), 0.5, bins)


def test_stated_and_found_shares_stand_where_they_belong(tmp_path):
    # Said 0.25 and 0.75, and so it is.
    same = np.arange(8) < 4
    probability = np.where([1, 0, 1, 1, 0, 0, 0, 1], 0.75, 0.25)
    figure = reliability_chart(curve_of(probability, same), "a title", "a note")
    diagonal, found = figure.axes[0].lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert found.get_xydata().tolist() == [[0.25, 0.25], [0.75, 0.75]]
    assert figure.get_suptitle() == "a title"
    files = save(figure, tmp_path / "new" / "curve")
    assert [file.name for file in files] == ["curve.png", "curve.svg"]
    assert min(cv2.imread(str(files[0])).shape[:2]) > 500 and "<svg" in files[1].read_text()


@pytest.mark.filterwarnings("error")
def test_a_curve_of_one_pair_or_of_one_kind_is_drawn(tmp_path):
    for same in ([True], [False]):
        assert save(reliability_chart(curve_of([0.3], same), "title"), tmp_path / "curve")


def test_the_cmc_of_each_that_ranked():
    figure = cmc_chart({"READ": [0.5, 0.75, 1.0], "pooled features": [0.25, 0.5, 0.5]}, "title")
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert lines["READ"] == [[1, 50], [2, 75], [3, 100]] and len(lines) == 2


def picture(value, size=(128, 64)):
    return np.full((*size, 3), value, np.uint8)


def test_a_sheet_shows_queries_clips_and_words(tmp_path):
    row = Confusion(picture((250, 0, 0)), [picture(77), picture(99)], ["probability 0.9", "query: a.jpg"])
    figure = confusion_sheet({"wrong": [row, row], "missed": []}, "title")
    shown = [image.get_array()[0, 0].tolist() for axes in figure.axes for image in axes.images]
    assert shown == [[0, 0, 250], [77] * 3, [99] * 3] * 2  # in RGB
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words == ["probability 0.9\nquery: a.jpg"] * 2
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")] == [
        "wrong",
        "missed: none",
    ]
    assert save(figure, tmp_path / "sheet")


def test_many_words_odd_crops_and_nothing_at_all_fit(tmp_path):
    rows = [Confusion(picture(0, (3, 40)), [picture(5)] * 12, ["word " * 40] * 30), Confusion(picture(5), [], [])]
    assert save(confusion_sheet({"wrong": rows}, "title"), tmp_path / "odd")
    assert save(confusion_sheet({"wrong": [], "missed": []}, "title"), tmp_path / "none")


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        save(cmc_chart({"READ": [1.0]}, "title"), tmp_path / "file" / "curve")
