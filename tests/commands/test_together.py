"""Several cameras as users run them: folders, the page, and bad input."""

import json

import cv2
import pytest
from painted import at, paint

from readtrack.commands import track
from readtrack.mot import read_mot


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    """Two MOT folders of a second each, called hall and yard, and a YAML of them."""
    folder = tmp_path_factory.mktemp("house")
    for name, who in (("hall", "ann"), ("yard", "bob")):
        (folder / name / "img1").mkdir(parents=True)
        (folder / name / "det").mkdir()
        lines = []
        for i in range(25):
            image, found = paint({who: at(100 + 4 * i)})
            cv2.imwrite(str(folder / name / "img1" / f"{i + 1:06d}.jpg"), image)
            x1, y1, x2, y2 = found.xyxy[0]
            lines.append(f"{i + 1},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9,-1,-1,-1")
        (folder / name / "det" / "det.txt").write_text("\n".join(lines) + "\n")
        size = "imWidth=640\nimHeight=360\nimExt=.jpg\n"
        (folder / name / "seqinfo.ini").write_text(
            f"[Sequence]\nname=x\nimDir=img1\nframeRate=25\nseqLength=25\n{size}"
        )
    text = "cameras: [{name: hall, source: hall, start: 10}, {name: Hof & <b>, source: yard, start: 12}]\n"
    (folder / "house.yaml").write_text(text.replace("<b>", "b"))
    return folder


FLAGS = ["--detector", "none", "--weights", "none", "--quiet"]


def test_every_camera_has_its_folder_and_all_have_one_table_and_page(cameras, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert track.main([str(cameras / "house.yaml"), "--detector", "none", "--weights", "none"]) == 0
    told = capsys.readouterr().out
    assert "2 people, 0 of them in several cameras" in told and "runs/cameras" in told
    out = tmp_path / "runs" / "cameras"
    for name in ("hall", "Hof & b"):
        files = {path.name for path in (out / name).iterdir()}
        assert {"tracks.txt", "tracks.mp4", "summary.json", "report.html", "associations.jsonl"} <= files
    assert {*read_mot(out / "hall/tracks.txt")[3].tracker_id} == {1}
    assert {*read_mot(out / "Hof & b/tracks.txt")[3].tracker_id} == {2}
    rows = (out / "passages.csv").read_text().splitlines()
    assert len(rows) == 3 and rows[1].startswith("1,,hall,,,10.000,10.960,0,24,")
    page = (out / "index.html").read_text()
    assert "Hof%20%26%20b/report.html#person-2" in page and "Hof &amp; b" in page and page.count("<article") == 2
    about = json.loads((out / "summary.json").read_text())
    assert [one["people"] for one in about["cameras"]] == [1, 1] and about["apart"] == []
    before = (out / "hall/tracks.txt").read_bytes()
    assert track.main(["--cameras", str(cameras / "house.yaml"), "--out", str(out), *FLAGS]) == 2
    assert "--overwrite" in capsys.readouterr().err and (out / "hall/tracks.txt").read_bytes() == before
    flags = ["--overwrite", "--no-report", "--no-video", "--end", "9", *FLAGS]
    assert track.main(["--cameras", str(cameras / "house.yaml"), "--out", str(out), *flags]) == 0
    assert not (out / "index.html").exists() and not (out / "hall" / "report.html").exists()


def test_sources_of_a_command_line(cameras, tmp_path):
    sources = [str(cameras / "hall"), str(cameras / "yard")]
    assert track.main([*sources, "--together", "--apart", "--out", str(tmp_path / "out"), *FLAGS]) == 0
    about = json.loads((tmp_path / "out/summary.json").read_text())
    assert about["apart"] == [["x", "x-2"]]  # as seqinfo.ini calls them


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["HALL", "--together"], "several sources"),
        (["HALL", "HALL", "--together"], "twice"),
        (["HALL", "missing.mp4", "--together"], "missing.mp4"),
        (["missing.yaml"], "missing.yaml"),
        (["YAML", "--together", "--apart"], "--apart"),
        (["HALL", "YARD", "--together", "--detections", "det.txt"], "of one camera"),
        (["HALL", "YARD", "--together", "--weights", "read-xxl"], "read-xxl"),
        (["HALL", "YARD", "--together", "--format", "paper"], "paper"),
        (["HALL", "YARD", "--together", "--show"], "--show"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(words, told, cameras, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"HALL": str(cameras / "hall"), "YARD": str(cameras / "yard"), "YAML": str(cameras / "house.yaml")}
    assert track.main([*(names.get(word, word) for word in words), "--detector", "none"]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and error[0].startswith("error: ") and told in error[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_help_tells_of_the_file(capsys):
    with pytest.raises(SystemExit):
        track.main(["--together", "--help"])
    assert "overlapping: [[" in capsys.readouterr().out
