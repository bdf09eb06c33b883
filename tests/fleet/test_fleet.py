"""Many recordings: listed, tracked whatever goes wrong, gone on with, and linked."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import numpy as np
import pytest
from painted import at, paint

from readtrack.commands.fleet import main
from readtrack.errors import InputError
from readtrack.fleet import Journal, Orders, on_ray, read_list, run_fleet
from readtrack.fleet.jobs import Job, Outcome
from readtrack.fleet.workers import Task, perform
from readtrack.gallery import Gallery
from readtrack.read.checkpoint import save_checkpoint
from readtrack.video import VideoWriter

KILLS = int(os.environ.get("READTRACK_KILLS", "2"))


def film(folder, name, frames=12, people=("ann", "bob")):
    """A video of people who stand, and its detections."""
    rows = []
    with VideoWriter(folder / f"{name}.mp4", 25) as video:
        for frame in range(frames):
            places = {who: at(120.0 + 250 * place) for place, who in enumerate(people)}
            video.write(paint(places)[0])
            for left, top, right, bottom in places.values():
                rows.append(f"{frame + 1},-1,{left},{top},{right - left},{bottom - top},0.9,-1,-1,-1\n")
    (folder / f"{name}.txt").write_text("".join(rows))


@pytest.fixture
def recordings(tmp_path):
    """Two recordings and a broken one, listed."""
    film(tmp_path, "one")
    film(tmp_path, "two")
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    lines = ["source,name,began,detections"]
    for hour, name in enumerate(("one", "broken", "two"), 8):
        lines.append(f"{tmp_path}/{name}.mp4,,2026-11-02T{hour:02}:00,{tmp_path}/{name}.txt")
    (tmp_path / "broken.txt").write_text((tmp_path / "one.txt").read_text())
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "list.csv"


def table(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_lists_are_read_with_and_without_a_heading(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# ours\n/a/cam1/morning.mp4\n\n/a/cam2/morning.mp4\n")
    assert [(job.name, job.source) for job in read_list(file)] == [
        ("cam1-morning", "/a/cam1/morning.mp4"),
        ("cam2-morning", "/a/cam2/morning.mp4"),
    ]
    file.write_text("source,began,name\nx.mp4,2026-11-02T08:00+00:00,door\nrtsp://cam/1,,\n")
    door, stream = read_list(file)
    assert (door.name, door.began, stream.name, stream.began) == ("door", 1793606400, "rtsp-cam-1", None)
    for text, told in (
        ("", "lists no recording"),
        ("a.mp4\na.mp4\n", "listed twice"),
        ("source,speed\na.mp4,3\n", "column 'speed'"),
        ("source,began\na.mp4,noon\n", "no date and time"),
        ("source,name\na.mp4,../b\n", "give letters"),
        ("source,name\n,b\n", "has no source"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=told):
            read_list(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_list(tmp_path / "none.txt")


def test_a_fleet_is_tracked_linked_and_not_done_again(recordings, tmp_path, tiny_model, capsys):
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    out = tmp_path / "fleet"
    words = [str(recordings), "--out", str(out), "--weights", str(tmp_path / "tiny.safetensors"), "--device", "cpu"]
    assert main([*words, "--workers", "2"]) == 3
    told = capsys.readouterr().out
    assert "2 of 3 recordings are done" in told and "broken: failed" in told
    rows = {row["name"]: row for row in table(out / "recordings.csv")}
    assert [rows[name]["state"] for name in ("one", "broken", "two")] == ["done", "failed", "done"]
    assert "broken.mp4" in rows["broken"]["why"] and rows["one"]["frames"] == "12"
    assert 0 < float(rows["one"]["processor"]) and 0 < float(rows["one"]["seconds"])
    people = table(out / "people.csv")
    assert {(row["recording"], row["track"]) for row in people} == {(n, t) for n in ("one", "two") for t in "12"}
    assert not (out / "work").exists() and not (out / "recordings" / "broken").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "recordings").rglob("tracks.txt")}
    assert main([*words, "--quiet"]) == 3 and table(out / "people.csv") == people
    assert before == {path: path.stat().st_mtime_ns for path in (out / "recordings").rglob("tracks.txt")}
    with Gallery(out / "people") as gallery:
        assert sum(one.tracklets for one in gallery.people()) == 4
    assert main([*words[:-4], "--weights", "none"]) == 2
    assert "other settings" in capsys.readouterr().err


def orders(script):
    """Every recording is a little program that is told its folder."""
    words = lambda job, folder: ["track", script.format(name=job.name, folder=folder)]  # noqa: E731
    return Orders(words, {}, 1, "none")


def test_who_dies_is_tried_once_more_and_others_go_on(tmp_path):
    asked = []

    def hands(tasks):
        for task in tasks:
            asked.append(task.job.name)
            yield task, Outcome("died", "why") if task.job.name == "b" else Outcome("done", "", 1.0, 1.0, 5, 2)

    jobs = [Job(name, name) for name in "abc"]
    rows = run_fleet(jobs, tmp_path / "f", hands, orders(""))
    assert asked == ["a", "b", "c", "b"] and [rows[name].state for name in "abc"] == ["done", "died", "done"]
    run_fleet(jobs, tmp_path / "f", hands, orders(""))
    assert len(asked) == 4
    run_fleet(jobs, tmp_path / "f", hands, orders(""), again=True)
    assert asked[4:] == ["b", "b"]


def test_a_worker_that_is_killed_is_told_and_leaves_nothing(tmp_path):
    work, processes, told = tmp_path / "work", set(), []
    job = Task(Job("a", "a.mp4"), ["track", "a.mp4"], {}, str(work), str(tmp_path / "a"), 1)
    worker = threading.Thread(target=lambda: told.append(perform(job, processes)))
    worker.start()
    while not processes:
        time.sleep(0.01)
    next(iter(processes)).kill()
    worker.join()
    (outcome,) = told
    assert (outcome.state, outcome.why) == ("died", "killed by signal 9")
    assert not processes and not work.exists() and not (tmp_path / "a").exists()


def test_a_full_disk_is_told_and_the_table_stays(tmp_path):
    journal = Journal(tmp_path, "none")
    journal.begin([Job("a", "a.mp4")])
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(InputError, match="make room"):
        journal.begin([Job(f"b{number}", "b.mp4" * 50) for number in range(1000)])
    assert "a" in journal.rows()
    journal.close()


def test_one_driver_at_a_time(tmp_path):
    journal = Journal(tmp_path, "none")
    with pytest.raises(InputError, match="another process runs"):
        Journal(tmp_path, "none")
    journal.close()
    Journal(tmp_path, "none").close()
    with pytest.raises(InputError, match="other settings"):
        Journal(tmp_path, "some")


def whole(out):
    """Every recording that is there is whole."""
    for folder in (out / "recordings").glob("*"):
        assert (folder / "summary.json").is_file() and len((folder / "tracks.txt").read_text().splitlines()) == 24


def test_a_killed_driver_loses_only_what_was_in_work(recordings, tmp_path):
    out, rng = tmp_path / "fleet", np.random.default_rng(0)
    words = [sys.executable, "-m", "readtrack", "fleet", str(recordings), "--weights", "none", "--quiet"]
    began = time.monotonic()
    assert subprocess.run([*words, "--out", str(tmp_path / "first")], check=False).returncode == 3
    usual, finished = time.monotonic() - began, 0
    words += ["--out", str(out)]
    for _ in range(KILLS):
        with subprocess.Popen([*words, "--workers", "1"], stderr=subprocess.DEVNULL) as driver:
            time.sleep(rng.uniform(0, usual / 2))
            how = int(rng.choice([signal.SIGKILL, signal.SIGINT]))
            os.kill(driver.pid, how)
            assert driver.wait(120) in (-how, 130, 3)
        whole(out)
        now = len(list((out / "recordings").glob("*")))
        assert now >= finished
        finished = now
    assert subprocess.run(words, check=False).returncode == 3
    whole(out)
    states = [row["state"] for row in table(out / "recordings.csv")]
    assert states == ["done", "failed", "done"]


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_same_on_a_ray_cluster_of_two_workers(recordings, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", "0")  # on a busy machine they would wait for ever
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)

        def words(job, folder):
            given = ["--weights", "none", "--detections", job.detections, "--no-video", "--no-report", "--quiet"]
            return ["track", job.source, "--out", str(folder), "--overwrite", *given]

        rows = run_fleet(read_list(recordings), tmp_path / "fleet", on_ray(), Orders(words, {}, 1, "none"))
        assert [row.state for row in rows.values()] == ["done", "failed", "done"]
        whole(tmp_path / "fleet")
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_without_ray_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="pip install"):
        on_ray()
