"""A run in a notebook."""

import json

import numpy as np
import pytest
import supervision as sv

from readtrack.errors import InputError
from readtrack.results import Album, Edit, Results, crops, read, timeline, write_edits
from readtrack.video import Frame


@pytest.fixture
def folder(tmp_path):
    """Persons 1 to 60 in a row; 60 has a name that must be escaped."""
    image = np.random.default_rng(0).integers(0, 255, (60, 60 * 12, 3)).astype(np.uint8)
    album, left = Album(10), 12.0 * np.arange(60)
    xyxy = np.stack([left, np.full(60, 5.0), left + 10, np.full(60, 55.0)], axis=1)
    with Results(tmp_path, 10, video=False, album=album) as results:
        for frame in range(12):
            many = 60 if frame < 2 else 5
            ids = np.arange(60, 60 - many, -1)
            results.write(Frame(frame, image), sv.Detections(xyxy[:many], tracker_id=ids), [], [])
    (tmp_path / "summary.json").write_text(json.dumps({"run": {"fps": 10, "stride": 1}}))
    album.save(tmp_path / "pictures.zip")
    write_edits(tmp_path, [Edit("rename", [60], [(0, (0.0, 5.0, 10.0, 55.0))], name="<i>Al</i>")])
    return tmp_path


def test_a_notebook_shows_the_people_seen_longest(folder):
    html = read(folder)._repr_html_()  # noqa: SLF001 (as a notebook does)
    assert "60 people" in html and "&lt;i&gt;Al" in html and "<i>" not in html
    assert html.count("<tr>") == 41 and "1.1 s" in html
    nobody = folder / "nobody"
    nobody.mkdir()
    with Results(nobody, 10, video=False) as results:
        assert "0 people" in results._repr_html_()  # noqa: SLF001


def test_times_and_crops_are_figures(folder, tmp_path):
    figure = timeline(read(folder))
    (axes,) = figure.axes
    assert len(axes.get_yticks()) == 40 and axes.get_xlabel() == "seconds"
    assert axes.get_yticklabels()[-1].get_text() == "<i>Al</i>"
    figure.savefig(tmp_path / "times.png")
    shown = crops(folder)
    assert sum(bool(axes.images) for axes in shown.axes) >= 40
    shown.savefig(tmp_path / "crops.png")
    assert (tmp_path / "crops.png").stat().st_size > 5000


def test_without_pictures_there_is_no_figure_of_crops(folder):
    (folder / "pictures.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="pictures.zip"):
        crops(folder)
