"""Tables in other people's formats, read back by other people's readers."""

import contextlib
import io
import json
import os
from dataclasses import replace
from xml.etree import ElementTree

import cv2
import numpy as np
import pandas
import pytest
import supervision as sv
from pycocotools.coco import COCO

from readtrack.commands import export_tracks
from readtrack.errors import InputError
from readtrack.mot import read_mot
from readtrack.results import FORMATS, Results, Table, export, read
from readtrack.results.folder import EXPORTS
from readtrack.tracking import Association
from readtrack.video import Frame


@pytest.fixture
def folder(tmp_path):
    """A run: person 1 in frames 10 to 13, filled in 12; person 2 in 10 and 13."""
    with Results(tmp_path, 5, video=False) as results:
        for frame in range(10, 14):
            ids = [1, 2] if frame in (10, 13) else [1]
            xyxy = np.array([[10.0 * i + frame, 5, 10 * i + frame + 8.25, 30] for i in ids])
            people = sv.Detections(xyxy, confidence=np.array([0.9, 0.5])[: len(ids)], tracker_id=np.array(ids))
            people.data["filled"] = np.full(len(ids), frame == 12)
            told = [Association(13, 2, 1, "reidentified", 0.8, 0.1, 3, 0.0)] if frame == 13 else []
            results.write(Frame(frame, None), people, told, [])
    about = {"size": [64, 48], "run": {"fps": 5, "stride": 1, "source": "a <street> & more"}}
    (tmp_path / "summary.json").write_text(json.dumps(about))
    return tmp_path


def test_the_table_is_what_was_written(folder):
    table = read(folder)
    assert table.frame.tolist() == [10, 10, 11, 12, 13, 13] and table.id.tolist() == [1, 2, 1, 1, 1, 2]
    assert table.seconds.tolist() == [2, 2, 2.2, 2.4, 2.6, 2.6]
    assert table.filled.tolist() == [False, False, False, True, False, False]
    assert table.probability.tolist() == [1, 1, 1, 1, 1, 0.8]  # from the frame of the decision on
    np.testing.assert_allclose(table.xyxy[0], [20, 5, 28.25, 30])
    frames = dict(table.by_frame())
    assert frames[12].data["filled"].tolist() == [True] and frames[13].tracker_id.tolist() == [1, 2]


def test_a_file_of_any_tracker_is_a_table_too(tmp_path):
    (tmp_path / "sort.txt").write_text("1,7,10,20,30,40,1,-1,-1,-1\n")
    table = read(tmp_path / "sort.txt")
    assert (table.frame.tolist(), table.id.tolist(), table.filled.tolist()) == ([0], [7], [False])
    assert np.isnan(table.seconds).all()


def test_csv_and_parquet_come_back_through_pandas(folder):
    table = replace(read(folder), names={2: 'Ann, "the courier"\nÄ'})
    paths = export(table, folder, ["csv", "parquet", "jsonl"])
    readers = (pandas.read_csv, pandas.read_parquet, lambda path: pandas.read_json(path, lines=True))
    for path, reader in zip(paths, readers, strict=True):
        found = reader(path).fillna({"name": ""})
        pandas.testing.assert_frame_equal(found, table.to_pandas(), check_dtype=False)
        assert found.name[1] == table.names[2]


def test_coco_comes_back_through_pycocotools_and_supervision(folder):
    (path,) = export(read(folder), folder, ["coco"])
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    assert len(coco.getImgIds()) == 4 and coco.loadCats([1])[0]["name"] == "person"
    (last,) = (image for image in coco.dataset["images"] if image["frame_id"] == 13)
    found = coco.loadAnns(coco.getAnnIds(imgIds=[last["id"]]))
    assert [one["track_id"] for one in found] == [1, 2] and found[0]["bbox"] == [23, 5, 8.25, 25]
    assert last["file_name"] == "a <street> & more/000014.jpg" and (last["width"], last["height"]) == (64, 48)
    for image in coco.dataset["images"]:
        (folder / "images" / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / image["file_name"]), np.zeros((48, 64, 3), np.uint8))
    dataset = sv.DetectionDataset.from_coco(str(folder / "images"), str(path))
    assert sorted(len(people) for _, _, people in dataset) == [1, 1, 2, 2]


def test_cvat_has_a_track_a_person_that_is_outside_where_nobody_is(folder):
    (path,) = export(replace(read(folder), names={2: "<Ann>"}), folder, ["cvat"])
    root = ElementTree.parse(path).getroot()
    assert root.findtext("version") == "1.1" and root.findtext("meta/task/name") == "a <street> & more"
    assert root.findtext("meta/task/size") == "14" and root.findtext("meta/task/original_size/width") == "64"
    one, two = root.findall("track")
    told = [(int(b.get("frame")), b.get("outside"), b.get("keyframe")) for b in one.findall("box")]
    assert told == [(10, "0", "1"), (11, "0", "1"), (12, "0", "0"), (13, "0", "1")]
    told = [(int(b.get("frame")), b.get("outside")) for b in two.findall("box")]
    assert told == [(10, "0"), (11, "1"), (13, "0")]
    assert two.find("box").findtext("attribute") == "<Ann>" and one.get("label") == "person"
    corners = [float(one.find("box").get(edge)) for edge in ("xtl", "ytl", "xbr", "ybr")]
    assert corners == [20, 5, 28.25, 30]


def test_mot_is_written_as_a_run_does(folder, tmp_path):
    (path,) = export(read(folder), folder / "other", ["mot"])
    assert path.read_bytes() == (folder / "tracks.txt").read_bytes()


def test_nobody_is_a_table_and_a_file_of_each_format(tmp_path):
    (tmp_path / "tracks.txt").write_text("")
    table = read(tmp_path)
    assert len(table) == 0 and isinstance(table, Table)
    paths = export(table, tmp_path / "out", list(FORMATS))
    assert all(path.is_file() for path in paths)
    assert {path.name for path in paths} == {"tracks.txt", *EXPORTS.values()}
    assert len(pandas.read_csv(tmp_path / "out/tracks.csv")) == len(pandas.read_parquet(paths[2])) == 0


def test_what_cannot_be_written_leaves_what_was_there(folder):
    (path,) = export(read(folder), folder, ["csv"])
    before = path.read_bytes()
    with pytest.raises(InputError, match="'xlsx' is unknown"):
        export(read(folder), folder, ["csv", "xlsx"])
    assert path.read_bytes() == before
    if os.path.exists("/dev/full"):
        (folder / "full").mkdir()
        (folder / "full" / f"tracks.csv.{os.getpid()}.partial").symlink_to("/dev/full")
        with pytest.raises(InputError, match="cannot be written"):
            export(read(folder), folder / "full", ["csv"])
        assert not (folder / "full" / "tracks.csv").exists()


def test_the_command_writes_beside_the_tracks_or_elsewhere(folder, tmp_path, capsys):
    assert export_tracks.main([str(folder), "--format", "csv,cvat"]) == 0
    assert "6 boxes written to" in capsys.readouterr().out
    assert len(pandas.read_csv(folder / "tracks.csv")) == 6
    words = [str(folder / "tracks.txt"), "--fps", "5", "--out", str(folder / "there"), "--format", "mot,csv", "--quiet"]
    assert export_tracks.main(words) == 0
    assert pandas.read_csv(folder / "there" / "tracks.csv").seconds.tolist() == read(folder).seconds.tolist()
    assert read_mot(folder / "there" / "tracks.txt").keys() == {10, 11, 12, 13}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["RUN", "--format", "xlsx"], "'xlsx' is unknown"),
        (["RUN", "--format", ""], "is unknown"),
        (["RUN", "--format", "mot"], "already"),
        (["RUN", "--fps", "0"], "fps"),
        (["nowhere"], "no such file"),
        (["RUN/summary.json"], "summary.json"),
    ],
)
def test_bad_words_of_the_command_are_one_line(words, told, folder, capsys):
    assert export_tracks.main([word.replace("RUN", str(folder)) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error and error.count("\n") == 1
