"""The whole line as users run it: the drawn street, real video, bad input, kills half-way."""

import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import supervision as sv
from conftest import SHARED

from readtrack import ReadTracker, TrackerConfig
from readtrack.commands import track as run
from readtrack.errors import InputError
from readtrack.metrics.tracking import score_tracking
from readtrack.mot import MotWriter, read_mot, read_truth
from readtrack.pipeline import track
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.matcher import Matcher
from readtrack.results.folder import Results, make_folder
from readtrack.street import Street, StreetConfig
from readtrack.tracking import Reassignment
from readtrack.video import Frame, open_video

STADTMITTE = SHARED / "data" / "mot15" / "TUD-Stadtmitte"
real = pytest.mark.skipif(not STADTMITTE.is_dir(), reason="TUD-Stadtmitte (MOT15) is not beside the repository")


def frames_of(path):
    with open_video(path) as video:
        return [frame.image for frame in video]


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    """Two seconds of a small drawn street as a MOT folder: images, detections, truth."""
    folder = tmp_path_factory.mktemp("mot") / "street"
    (folder / "img1").mkdir(parents=True)
    (folder / "det").mkdir()
    street = Street(StreetConfig(width=480, height=270, frames=50, people=6, hidden=0, returning=0, lookalikes=0))
    lines = []
    for i in range(50):
        cv2.imwrite(str(folder / "img1" / f"{i + 1:06d}.jpg"), street.image(i))
        found = street.detections(i)
        for (x1, y1, x2, y2), score in zip(found.xyxy, found.confidence, strict=True):
            lines.append(f"{i + 1},-1,{x1},{y1},{x2 - x1},{y2 - y1},{score},-1,-1,-1")
    (folder / "det" / "det.txt").write_text("\n".join(lines) + "\n")
    with MotWriter(folder / "truth.txt") as writer:
        for i in range(50):
            writer.write(i, street.truth(i))
    settings = (
        "[Sequence]\nname=street\nimDir=img1\nframeRate=25\nseqLength=50\nimWidth=480\nimHeight=270\nimExt=.jpg\n"
    )
    (folder / "seqinfo.ini").write_text(settings)
    return folder


def test_results_take_back_what_proved_wrong(tmp_path):
    box = np.array([10.0, 10, 50, 90])
    with Results(tmp_path, 25, video=False) as results:
        for index in range(3):
            people = sv.Detections(box[None], confidence=np.ones(1), tracker_id=np.array([1]))
            results.write(Frame(10 + index, None), people, [], [])
        assert results.people == {1}
        again = [Reassignment(frame, box, 1.0, 2, previous_id=1) for frame in (10, 11, 12)]
        results.settle([*again, Reassignment(12, box + 100, 0.5, 1)])
        assert results.people == {1, 2}
    rows = {frame: people.tracker_id.tolist() for frame, people in read_mot(tmp_path / "tracks.txt").items()}
    assert rows == {10: [2], 11: [2], 12: [1, 2]}


def test_the_first_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run.main([]) == 0
    out = tmp_path / "runs" / "street"
    told = capsys.readouterr().out
    assert "runs/street" in told and "motion only" in told and "with READ" in told
    summary = json.loads((out / "summary.json").read_text())
    alone, read = summary["scores"]["motion only"], summary["scores"]["with READ"]
    assert summary["frames"] == len(Street())
    assert summary["reidentified"] >= 3
    assert read["IDF1"] > alone["IDF1"] + 0.1
    assert read["IDSW"] < alone["IDSW"]
    again = score_tracking(read_truth(out / "truth.txt"), read_mot(out / "tracks.txt"), summary["frames"])
    assert again.HOTA == pytest.approx(read["HOTA"], abs=1e-3)
    images = frames_of(out / "tracks.mp4")
    assert (len(images), images[0].shape) == (summary["frames"], (540, 960, 3))
    rows = [json.loads(line) for line in (out / "associations.jsonl").read_text().splitlines()]
    assert sum(row["reason"] == "reidentified" for row in rows) == summary["reidentified"]
    assert len(rows) == summary["reidentified"] + summary["judged"]


def test_the_same_input_gives_the_same_bytes_and_nothing_is_overwritten(sequence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run.main([str(sequence), "--detector", "none", "--quiet"]) == 0
    for name in ("tracks.txt", "associations.jsonl"):
        assert (tmp_path / "runs/street" / name).read_bytes() == (tmp_path / "runs/street-2" / name).read_bytes()
    tracks = read_mot(tmp_path / "runs/street/tracks.txt")
    assert score_tracking(read_truth(sequence / "truth.txt"), tracks, 50).IDF1 > 0.8
    columns = (tmp_path / "runs/street/tracks.txt").read_text().splitlines()[0].split(",")
    assert len(columns) == 10 and columns[0] == "1" and columns[7:] == ["-1", "-1", "-1"]


def test_a_sequence_without_pixels_is_tracked_on_boxes(sequence, tmp_path, capsys):
    bare = tmp_path / "bare"
    (bare / "det").mkdir(parents=True)
    for name in ("seqinfo.ini", "det/det.txt"):
        (bare / name).write_bytes((sequence / name).read_bytes())
    assert run.main([str(bare), "--out", str(tmp_path / "out")]) == 0
    assert "motion only" in capsys.readouterr().out
    assert not (tmp_path / "out" / "tracks.mp4").exists()
    assert len(read_mot(tmp_path / "out" / "tracks.txt")) > 40


def test_stride_start_end_crops_and_no_video(sequence, tmp_path):
    out = tmp_path / "out"
    flags = [
        "--start",
        "10",
        "--end",
        "40",
        "--stride",
        "2",
        "--weights",
        "none",
        "--save-crops",
        "--no-video",
        "--quiet",
    ]
    flags += ["--detections", str(sequence / "det/det.txt"), "--out", str(out)]
    assert run.main([str(sequence / "img1"), *flags]) == 0
    frames = sorted(read_mot(out / "tracks.txt"))
    assert frames[0] == 10 and frames[-1] == 38 and all(frame % 2 == 0 for frame in frames)
    assert not (out / "tracks.mp4").exists()
    crops = list((out / "crops").rglob("*.jpg"))
    assert crops and all(cv2.imread(str(crop)) is not None for crop in crops)


def test_a_run_is_never_overwritten_silently(sequence, tmp_path, capsys):
    out = str(tmp_path / "out")
    flags = [str(sequence), "--detector", "none", "--weights", "none", "--no-video", "--quiet", "--out", out]
    assert run.main(flags) == 0
    before = (tmp_path / "out/tracks.txt").read_bytes()
    assert run.main(flags) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "out/tracks.txt").read_bytes() == before
    assert run.main([*flags, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["missing.mp4"], "missing.mp4"),
        (["EMPTY"], "no images"),
        (["SEQUENCE", "--detections", "missing.txt"], "missing.txt"),
        (["SEQUENCE", "--detections", "BROKEN"], "broken.txt:2"),
        (["SEQUENCE", "--detector", "yolo99.onnx"], "yolo99.onnx"),
        (["SEQUENCE", "--detector", "none", "--weights", "read-xxl"], "read-xxl"),
        (["SEQUENCE", "--detector", "none", "--weights", "BROKEN"], "broken.txt"),
        (["SEQUENCE", "--detector", "none", "--device", "cuda:9"], "cuda:9"),
        (["SEQUENCE", "--detector", "none", "--out", "/proc/nowhere"], "/proc/nowhere"),
        (["SEQUENCE", "--detector", "none", "--max-age", "-1"], "max_age"),
        (["SEQUENCE", "--detector", "none", "--max-age", "long"], "--max-age"),
        (["--conf", "0.1"], "--confidence"),
        (["SEQUENCE", "--detector", "none", "--stride", "0"], "stride"),
        (["--stride", "0"], "stride"),
        (["SEQUENCE/img1", "--detector", "none"], "--detections"),
        (["SEQUENCE", "--detector", "yolox.onnx", "--detections", "BROKEN"], "both"),
        (["BARE", "--detector", "yolox.onnx"], "no pixels"),
        (["http://127.0.0.1:9/none.mp4"], "127.0.0.1"),
    ],
)
def test_bad_input_is_one_line_that_names_it(flags, told, sequence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.txt").write_text("1,-1,10,10,20,40,0.9\n2,-1,ten\n")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "seqinfo.ini").write_bytes((sequence / "seqinfo.ini").read_bytes())
    names = {
        "SEQUENCE": str(sequence),
        "BARE": str(tmp_path / "bare"),
        "EMPTY": str(tmp_path / "empty"),
        "BROKEN": str(tmp_path / "broken.txt"),
    }
    for name, value in names.items():
        flags = [flag.replace(name, value) for flag in flags]
    assert run.main(flags) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and told in error


@pytest.mark.parametrize(
    ("how", "live"),
    [
        (signal.SIGINT, True),
        (signal.SIGTERM, True),
        (signal.SIGKILL, True),
        (signal.SIGINT, False),
        (signal.SIGKILL, False),
    ],
)
def test_stopping_half_way_leaves_readable_files(how, live, tmp_path):
    out = tmp_path / "out"
    flags = ["--live"] if live else ["--weights", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "readtrack.run", "--out", str(out), "--quiet", *flags],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        # What a shell starts in the background ignores SIGINT, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    tracks = out / "tracks.txt"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (tracks.is_file() and tracks.read_bytes().count(b"\n") > 600):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60 if live else 300)  # a file is drawn once it is known
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130), errors
    written = read_mot(tracks)
    assert sum(map(len, written.values())) > 500  # of a whole file those that are no people are dropped
    if live or how != signal.SIGKILL:  # of a whole file the video is drawn in the end
        assert len(frames_of(out / "tracks.mp4")) >= max(written) - 30
    for line in (out / "associations.jsonl").read_text().splitlines():
        json.loads(line)
    if how != signal.SIGKILL:
        assert json.loads((out / "summary.json").read_text())["interrupted"]


def test_a_callable_that_fails_loses_nothing(sequence, tmp_path):
    from readtrack.results.folder import Results

    def detect(frame):
        if frame.index == 20:
            raise RuntimeError("out of memory")
        return table.get(frame.index, sv.Detections.empty())

    table = read_mot(sequence / "det/det.txt")
    with pytest.raises(RuntimeError), open_video(sequence) as video, Results(tmp_path, 25) as results:
        track(video, detect, ReadTracker(None), results)
    assert max(read_mot(tmp_path / "tracks.txt")) == 19
    assert len(frames_of(tmp_path / "tracks.mp4")) == 20


def test_read_tracker_takes_hostile_frames(tiny_model):
    tracker = ReadTracker(Matcher(tiny_model, "cpu"), TrackerConfig(delay=0))
    image = np.zeros((120, 160, 3), np.uint8)
    box = sv.Detections(np.array([[10.0, 10, 50, 100]]), confidence=np.array([0.9]))
    for odd in (image, np.zeros((0, 0, 3), np.uint8), None, image):
        answer = tracker.update(box, odd)
    assert answer.tracker_id.tolist() == [1]
    assert tracker.update(sv.Detections.empty(), image).tracker_id.tolist() == []
    outside = sv.Detections(np.array([[900.0, 900, 950, 990], [-9, -9, 3, 3]]), confidence=np.array([0.9, 0.9]))
    assert len(tracker.update(outside, image)) == 2
    for wrong in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(InputError, match="uint8"):
            tracker.update(box, wrong)
    tracker.reset()
    assert tracker.update(box, image).tracker_id.tolist() == [1]


def test_read_tracker_keeps_the_caller_s_data(tiny_model):
    tracker = ReadTracker(Matcher(tiny_model, "cpu"), TrackerConfig())
    given = sv.Detections(np.array([[10.0, 10, 50, 100]]), data={"mine": np.array(["x"])})
    answer = tracker.update(given, np.zeros((120, 160, 3), np.uint8))
    assert set(answer.data) == {"mine"} and given.tracker_id is None


def test_weights_by_path_and_wrong_weights(tiny_model, tmp_path):
    save_checkpoint(tmp_path / "w.safetensors", tiny_model, {})
    assert ReadTracker(tmp_path / "w.safetensors").matcher.clip_length == 2
    with pytest.raises(InputError, match="nowhere"):
        ReadTracker("nowhere")


def test_folders_are_numbered_and_unwritable_ones_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(make_folder(None, "clip")) for _ in range(3)] == ["runs/clip", "runs/clip-2", "runs/clip-3"]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written to"):
        make_folder(tmp_path / "file" / "below", "clip")


@real
@pytest.mark.data
@pytest.mark.parametrize("weights", ["none", "read-s"])
def test_a_real_street(weights, tmp_path):
    assert (
        run.main([str(STADTMITTE), "--detector", "none", "--weights", weights, "--out", str(tmp_path), "--quiet"]) == 0
    )
    truth = read_truth(STADTMITTE / "gt" / "gt.txt")
    assert score_tracking(truth, read_mot(tmp_path / "tracks.txt"), 179).IDF1 > 0.7
    assert len(frames_of(tmp_path / "tracks.mp4")) == 179
