"""Several cameras: one id for one person in all of them, and nothing lost when one of them fails."""

import csv

import numpy as np
import pytest
from filmed import film
from painted import ByColour, at

from readtrack.errors import InputError
from readtrack.linking.cameras import Layout
from readtrack.mot import read_mot
from readtrack.offline import OfflineTracker
from readtrack.pipeline import CameraRun, RecordingRun, named_cameras, read_cameras, track_cameras
from readtrack.results import Results, make_cameras_folder, passages_of, read, read_decisions, write_passages


def walk(name, frames=40, start=100):
    return [{name: at(start + 3 * i)} for i in range(frames)]


def beside(*stories):
    """Several walks in one film."""
    length = max(map(len, stories))
    return [{k: v for story in stories if i < len(story) for k, v in story[i].items()} for i in range(length)]


def run(folder, stories, begins=(), layout=None, matcher=True, breaks=None):
    """Ids of each camera, by the name that the film has."""
    make_cameras_folder(folder, [str(i) for i in range(len(stories))])
    judge = ByColour() if matcher else None
    if judge is not None:
        judge.encoded = judge.compared = judge.seconds = 0
    cameras, films = [], []
    for number, story in enumerate(stories):
        recording = film(story)
        films.append(recording)

        def detect(frame, recording=recording, number=number):
            if breaks == (number, frame.index):
                raise InputError("the cable is cut")
            return recording.detections(frame.index)

        results = Results(folder / str(number), 25, video=False)
        work = RecordingRun(recording.frames, detect, OfflineTracker(judge, 25), results)
        cameras.append(CameraRun(str(number), work, begins[number] if begins else 0.0))
    track_cameras(cameras, layout or Layout.unknown(len(stories)), judge)
    found = []
    for number, (recording, story) in enumerate(zip(films, stories, strict=True)):
        ids = {}
        for frame, people in read_mot(folder / str(number) / "tracks.txt").items():
            truth = recording.truth(frame)
            for box, track in zip(people.xyxy, people.tracker_id, strict=True):
                near = np.abs(truth.xyxy - box).max(axis=1).argmin()
                ids.setdefault([*story[frame]][near], set()).add(int(track))
        found.append(ids)
    return cameras, found


def apart(count=2, seconds=0.0):
    off = ~np.eye(count, dtype=bool)
    return Layout(off, off * seconds)


def test_who_walks_from_one_camera_to_the_next_keeps_the_id(tmp_path):
    nobody = [{}] * 50
    stories = [beside(walk("ann"), walk("bob", start=400)), [*nobody, *walk("ann")], [*nobody, *nobody, *walk("bob")]]
    cameras, (first, second, third) = run(tmp_path / "out", stories)
    assert first["ann"] == second["ann"] and first["bob"] == third["bob"] != first["ann"]
    assert all(len(ids) == 1 for camera in (first, second, third) for ids in camera.values())
    told = [one for one in read_decisions(tmp_path / "out" / "1") if one.reason == "camera"]
    assert [one.frame for one in told] == [50] and {told[0].track} == first["ann"]
    assert cameras[1].joined[0].gap == pytest.approx(11, abs=1)


def test_ids_count_from_one_in_the_order_of_appearance_on_the_common_clock(tmp_path):
    _, (first, second) = run(tmp_path / "out", [walk("ann"), walk("cid")], begins=(100.0, 3.0))
    assert (second["cid"], first["ann"]) == ({1}, {2})


def test_two_seen_at_once_in_cameras_that_show_different_places_are_two(tmp_path):
    stories = [walk("ann", 80, 50), walk("ann", 80, 50)]
    _, (first, second) = run(tmp_path / "overlapping", stories)
    assert first["ann"] == second["ann"]
    _, (first, second) = run(tmp_path / "apart", stories, layout=apart())
    assert first["ann"] != second["ann"]
    _, (first, second) = run(tmp_path / "later", stories, begins=(0.0, 4.0), layout=apart())
    assert first["ann"] == second["ann"]
    _, (first, second) = run(tmp_path / "far", stories, begins=(0.0, 4.0), layout=apart(seconds=30.0))
    assert first["ann"] != second["ann"]


def test_without_crops_every_camera_stays_alone(tmp_path):
    _, (first, second) = run(tmp_path / "out", [walk("ann"), [*[{}] * 50, *walk("ann")]], matcher=False)
    assert first["ann"] != second["ann"]


def test_a_camera_that_fails_keeps_what_it_saw_and_the_others_theirs(tmp_path):
    stories = [walk("ann"), walk("ann"), walk("bob")]
    cameras, (first, second, third) = run(tmp_path / "out", stories, breaks=(1, 20))
    assert [one.failed for one in cameras] == ["", "the cable is cut", ""]
    assert first["ann"] == second["ann"] != third["bob"]
    assert max(read_mot(tmp_path / "out/1/tracks.txt")) == 19
    _, found = run(tmp_path / "nothing", stories, breaks=(1, 0))
    assert found[1] == {} and found[0]["ann"] != found[2]["bob"]


def test_a_camera_that_cannot_be_drawn_leaves_its_tables(tmp_path):
    class Once(list):
        """Frames that are gone when they are gone through again."""

        def __iter__(self):
            if not self:
                raise InputError("the disk was taken out")
            yield from super().__iter__()
            self.clear()

    films = [film(walk("ann")), film(walk("bob"))]
    make_cameras_folder(tmp_path, ["a", "b"])
    cameras = []
    for name, recording in zip("ab", films, strict=True):
        results = Results(tmp_path / name, 25, video=False)
        draw = Results(tmp_path / name, 25, video=False, tables=False)
        frames = Once(recording.frames) if name == "a" else recording.frames
        detect = lambda frame, recording=recording: recording.detections(frame.index)  # noqa: E731
        work = RecordingRun(frames, detect, OfflineTracker(None, 25), results, draw)
        cameras.append(CameraRun(name, work))
    track_cameras(cameras, Layout.unknown(2), None)
    assert [one.failed for one in cameras] == ["the disk was taken out", ""]
    assert len(read_mot(tmp_path / "a/tracks.txt")) == len(read_mot(tmp_path / "b/tracks.txt")) == 40


def test_passages_are_told_by_the_common_clock(tmp_path):
    there_and_back = [*walk("ann"), *[{}] * 150, *walk("ann")]
    run(tmp_path / "out", [there_and_back])
    table = read(tmp_path / "out/0")
    table = type(table)(**{**vars(table), "seconds": table.frame / 25})
    first, second = passages_of(table, "door", 1000.0)
    assert (first.first_frame, first.last_frame, second.first_frame) == (0, 39, 190)
    assert (first.begins, second.begins) == (1000.0, pytest.approx(1007.6))
    write_passages(tmp_path / "passages.csv", [second, first], dated=True)
    rows = list(csv.DictReader((tmp_path / "passages.csv").read_text().splitlines()))
    assert [row["first_seen"] for row in rows] == ["1970-01-01T00:16:40.000+00:00", "1970-01-01T00:16:47.600+00:00"]
    assert [row["camera"] for row in rows] == ["door", "door"] and rows[0]["boxes"] == "40"


GOOD = """
cameras:
  - {name: a, source: a.mp4, start: 2026-11-02T08:00:00Z}
  - {name: b, source: 'street:7', start: 2026-11-02T08:00:03Z, fps: 10, detections: det.txt}
  - {source: /x/c.mp4, start: 2026-11-02}
overlapping: [[a, b]]
travel: [[a, c, 5]]
"""


def test_a_file_of_cameras_says_how_they_lie(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "cameras.yaml").write_text(GOOD)
    found = read_cameras(tmp_path / "cameras.yaml")
    one, two, three = found.cameras
    assert (one.name, two.name, three.name) == ("a", "b", "c")
    assert one.source == str(tmp_path / "a.mp4") and two.source == "street:7" and three.source == "/x/c.mp4"
    assert two.start - one.start == 3 and one.dated and two.fps == 10 and str(two.detections) == "det.txt"
    assert found.layout.apart.tolist() == [[False, False, True], [False, False, True], [True, True, False]]
    assert found.layout.travel[2, 0] == found.layout.travel[0, 2] == 5 and found.layout.travel.sum() == 10
    (tmp_path / "plain.yaml").write_text(
        "cameras: [{source: 0, name: x}, {source: b.mp4, start: 1.5}]\noverlapping: false"
    )
    found = read_cameras(tmp_path / "plain.yaml")
    assert found.cameras[0].source == "0" and found.cameras[1].start == 1.5 and found.layout.apart.sum() == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cameras: [", "cannot be read as YAML"),
        ("- a", "no list called cameras"),
        ("cameras: []", "no list called cameras"),
        ("cameras: [{name: a}]", "camera 1: has no source"),
        ("cameras: [{source: a.mp4, clock: 3}]", "'clock' is none of"),
        ("cameras: [{source: a.mp4}]\noverlap: true", "'overlap' is none of"),
        ("cameras: [{source: a.mp4, start: soon}]", "start 'soon'"),
        ("cameras: [{source: a.mp4, fps: -1}]", "fps -1"),
        ("cameras: [{source: a.mp4, detections: 3}]", "detections 3"),
        ("cameras: [{source: a.mp4, start: 1}, {source: b.mp4, start: 2026-11-02}]", "some cameras only"),
        ("cameras: [{source: a.mp4}, {source: x/A.mp4}]", "'a': two have this name"),
        ("cameras: [{source: a.mp4, name: ../up}]", "no name for a folder"),
        ("cameras: [{source: a.mp4, name: index.html}]", "no name for a folder"),
        ("cameras: [{source: a.mp4}, {source: b.mp4}]\noverlapping: [[a, c]]", "overlapping ['a', 'c']"),
        ("cameras: [{source: a.mp4}, {source: b.mp4}]\noverlapping: perhaps", "overlapping 'perhaps'"),
        ("cameras: [{source: a.mp4}, {source: b.mp4}]\ntravel: [[a, b]]", "two cameras' names and seconds"),
        ("cameras: [{source: a.mp4}, {source: b.mp4}]\ntravel: [[a, a, 3]]", "two cameras' names and seconds"),
        ("cameras: [{source: a.mp4}, {source: b.mp4}]\ntravel: [[a, b, -3]]", "two cameras' names and seconds"),
    ],
)
def test_a_wrong_file_of_cameras_is_one_line(text, told, tmp_path):
    (tmp_path / "cameras.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_cameras(tmp_path / "cameras.yaml")
    assert told in str(error.value) and "\n" not in str(error.value)


def test_cameras_of_a_command_line_get_names_of_their_own(tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("cam.mp4", "x/cam.mp4"):
        (tmp_path / name).touch()
    sources = [str(tmp_path / "cam.mp4"), str(tmp_path / "x" / "cam.mp4")]
    assert [one.name for one in named_cameras(sources, ["cam", "Cam"], True).cameras] == ["cam", "Cam-2"]
    with pytest.raises(InputError, match="twice"):
        named_cameras([sources[0], str(tmp_path / "x" / ".." / "cam.mp4")], ["cam", "cam"], True)


def test_a_folder_of_cameras_is_kept(tmp_path):
    make_cameras_folder(tmp_path / "out", ["a", "b"])
    (tmp_path / "out" / "a" / "tracks.txt").touch()
    with pytest.raises(InputError, match="earlier run"):
        make_cameras_folder(tmp_path / "out", ["a", "b"])
    make_cameras_folder(tmp_path / "out", ["a", "b"], overwrite=True)
    (tmp_path / "out" / "index.html").touch()
    with pytest.raises(InputError, match="earlier run"):
        make_cameras_folder(tmp_path / "out", ["a", "b"])
