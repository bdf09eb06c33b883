"""Data sets on disk, whole and damaged."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import miniature
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from readtrack.datasets import DATASETS, cutter, read_dataset
from readtrack.datasets import mars as mars_reader
from readtrack.datasets import street_crops as streets
from readtrack.datasets.tracklets import ReidSplits, Tracklet, validation_people
from readtrack.errors import InputError
from readtrack.street import StreetConfig

EVEN = set(range(2, 17, 2))


def people(tracklets):
    return {t.pid for t in tracklets}


def frames(tracklet):
    return [Path(path).name for path in tracklet.paths]


def refusal(*args, **options):
    """The one line by which a data set is refused."""
    with pytest.raises(InputError) as caught:
        read_dataset(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def mars(mini_mars, tmp_path):
    """A MARS to damage."""
    return Path(shutil.copytree(mini_mars, tmp_path / "MARS"))


@pytest.fixture
def duke(mini_duke, tmp_path):
    """A DukeMTMC-VideoReID to damage."""
    return Path(shutil.copytree(mini_duke, tmp_path / "Duke"))


@pytest.fixture
def street(mini_mot, tmp_path):
    """The sequence of images, to damage."""
    return Path(shutil.copytree(mini_mot / "STREET-01", tmp_path / "STREET-01"))


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_reads_the_same_twice(name, request, tmp_path):
    root = request.getfixturevalue(f"mini_{name.replace('-', '_')}")
    splits = read_dataset(name, root, cache=tmp_path)
    assert splits == read_dataset(name, root, cache=tmp_path)
    assert splits.query and (splits.train or name == "market-test")
    assert not people(splits.train) & people(splits.gallery)
    everything = [*splits.train, *splits.query, *splits.gallery]
    assert all(Path(path).is_file() for tracklet in everything for path in tracklet.paths)
    assert people(splits.query) <= people(splits.gallery)


@pytest.mark.parametrize("name", DATASETS)
def test_no_folder_is_one_line_that_names_it(name, tmp_path):
    assert str(tmp_path / "nothing") in refusal(name, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refusal(name, tmp_path / "empty", cache=tmp_path / "crops")


def test_an_unknown_data_set_is_told_the_known_ones(tmp_path):
    told = refusal("nowhere", tmp_path)
    assert all(name in told for name in DATASETS)


def test_a_description_counts_tracklets_people_and_images():
    one, two, nobody = Tracklet(("a", "b"), 1, 1), Tracklet(("c",), 2, 1), Tracklet(("d",) * 1200, 0, 1)
    told = ReidSplits("x", (one, two), (one,), (one, nobody), "").describe()
    assert told == (
        "train 2 tracklets of 2 people, 3 images; query 1 tracklets of 1 people, 2 images; "
        "gallery 2 tracklets of 1 people and 1 distractors, 1,202 images"
    )


def test_every_sixth_person_validates():
    assert validation_people([9, 1, 3, 5, 7, 1, 11, 40]) == {1, 40}
    assert validation_people([4]) == {4}


# MARS


def test_mars_keeps_distractors_and_drops_junk(mini_mars):
    splits = read_dataset("mars", mini_mars)
    assert people(splits.train) == set(range(1, 17, 2))
    assert people(splits.gallery) == EVEN | {0}
    assert (len(splits.train), len(splits.query), len(splits.gallery)) == (24, 8, 24 + miniature.MARS_DISTRACTORS)
    assert {(t.pid, t.camid) for t in splits.query} == {(pid, 1) for pid in EVEN}
    assert len(splits.gallery[1].paths) == 2
    assert frames(splits.gallery[1]) == ["0000C2T0002F001.jpg", "0000C2T0002F002.jpg"]
    assert splits.gallery[1].paths[0] == f"{mini_mars}/bbox_test/0000/0000C2T0002F001.jpg"
    assert {len(t.paths) for t in splits.train} == {1, 2, 5, 8}


def test_mars_queries_leave_the_gallery_on_request(mini_mars):
    inside = read_dataset("mars", mini_mars)
    outside = read_dataset("mars", mini_mars, queries_in_gallery=False)
    assert set(inside.query) <= set(inside.gallery)
    assert outside.gallery == tuple(t for t in inside.gallery if t not in inside.query)
    assert (outside.query, outside.train) == (inside.query, inside.train)
    assert "included" in inside.protocol and "query tracklets left out" in outside.protocol


def test_counts_of_the_full_mars_are_notes(mini_mars):
    notes = read_dataset("mars", mini_mars).notes
    assert "train images: 76, the full data set has 509,914" in notes
    assert "test tracklets of junk: 3, the full data set has 870" in notes
    assert len(notes) == 9


def test_a_full_mars_has_no_notes(mini_mars, monkeypatch):
    counts = (24, 8, 76, 31, 132, miniature.MARS_JUNK, miniature.MARS_DISTRACTORS, 8, 8)
    monkeypatch.setattr(mars_reader, "FULL", dict(zip(mars_reader.FULL, counts, strict=True)))
    assert read_dataset("mars", mini_mars).notes == ()


def test_a_half_copied_mars_names_what_is_missing(mars):
    gone = sorted((mars / "bbox_train" / "0003").iterdir())
    for path in gone[1:]:
        path.unlink()
    rest = len(list((mars / "bbox_train" / "0005").iterdir()))
    shutil.rmtree(mars / "bbox_train" / "0005")
    told = refusal("mars", mars)
    assert f"bbox_train: {len(gone) - 1 + rest} of 76 images are missing, of 2 people" in told
    assert f"first 0003/{gone[1].name}" in told


def test_junk_of_mars_may_be_absent(mars):
    shutil.rmtree(mars / "bbox_test" / "00-1")
    assert len(read_dataset("mars", mars).gallery) == 28


@pytest.mark.parametrize(
    "name", ["train_name.txt", "test_name.txt", "tracks_train_info.mat", "tracks_test_info.mat", "query_IDX.mat"]
)
def test_a_missing_info_file_is_named(mars, name):
    (mars / "info" / name).unlink()
    assert f"info/{name}: no such file" in refusal("mars", mars)


def test_a_mars_root_one_level_off_is_told_the_right_one(mini_mars, mars):
    assert refusal("mars", mars.parent).endswith(f"pass {mars}")
    for part in ("bbox_train", "info"):
        assert refusal("mars", mars / part).endswith(f"pass {mars}")
    assert "bbox_train/, bbox_test/, info/" in refusal("mars", mars / "bbox_train" / "0001")
    shutil.rmtree(mars / "bbox_test")
    assert "lacks bbox_test/" in refusal("mars", mars)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no MATLAB file", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_a_corrupted_mat_is_named(mars, content):
    (mars / "info" / "query_IDX.mat").write_bytes(content)
    assert "query_IDX.mat: " in refusal("mars", mars)


def test_a_truncated_mat_is_named(mars):
    path = mars / "info" / "tracks_test_info.mat"
    path.write_bytes(path.read_bytes()[:-100])
    assert "tracks_test_info.mat: not a readable MATLAB file" in refusal("mars", mars)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        (0, 0, "row 5 names lines 0 to"),
        (1, 9999, "of a list of 76"),
        (1, 1, "row 5 names lines"),
        (2, 7, "row 5 says person 7, camera 2, but holds 0003C2"),
        (3, 6, "row 5 says person 3, camera 6, but holds 0003C2"),
        (2, 1.5, "whole numbers"),
        (2, np.nan, "whole numbers"),
    ],
)
def test_rows_that_contradict_the_names_are_refused(mars, column, value, told):
    path = mars / "info" / "tracks_train_info.mat"
    rows = loadmat(path)["track_train_info"]
    rows[4, column] = value
    savemat(path, {"track_train_info": rows})
    message = refusal("mars", mars)
    assert str(path) in message and told in message


def test_rows_shifted_by_a_lost_name_are_refused(mars):
    names = mars / "info" / "train_name.txt"
    names.write_text("\n".join(names.read_text().split()[1:]))
    assert "tracks_train_info.mat: row 1 says person 1, camera 1" in refusal("mars", mars)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda numbers: np.append(numbers, 32), "names row 32 of 31 test tracklets"),
        (lambda numbers: np.append(numbers, 0), "names row 0 of 31"),
        (lambda numbers: np.append(numbers, 1), "row 1 is junk or a distractor"),
        (lambda numbers: np.append(numbers, miniature.MARS_JUNK + 1), "row 4 is junk or a distractor"),
        (lambda numbers: np.append(numbers, numbers[0]), "one twice"),
        (lambda numbers: numbers[:0], "no query"),
    ],
)
def test_queries_that_cannot_be_are_refused(mars, change, told):
    path = mars / "info" / "query_IDX.mat"
    savemat(path, {"query_IDX": change(loadmat(path)["query_IDX"].ravel())})
    assert told in refusal("mars", mars)


def test_variables_of_any_name_and_orientation_are_read(mars):
    expected = read_dataset("mars", mars)
    path = mars / "info" / "query_IDX.mat"
    savemat(path, {"renamed": loadmat(path)["query_IDX"].T.astype(np.uint16)})
    assert read_dataset("mars", mars) == expected
    savemat(path, {"one": 1, "two": 2})
    assert "holds 2 variables" in refusal("mars", mars)


# DukeMTMC-VideoReID


def test_duke_reads_both_styles_of_names_and_both_mixed(duke, tmp_path):
    def numbers(splits):
        parts = (splits.train, splits.query, splits.gallery)
        return [[(t.pid, t.camid, [name.replace("_", "") for name in frames(t)]) for t in part] for part in parts]

    new, old = read_dataset("duke", duke), read_dataset("duke", miniature.build_duke(tmp_path / "old", "old"))
    assert numbers(new) == numbers(old)
    assert new.notes == old.notes
    for path in sorted((duke / "query").rglob("*.jpg"))[::2]:
        path.rename(path.with_name(path.name.replace("_", "")))
    mixed = read_dataset("duke", duke)
    assert numbers(mixed) == numbers(new)
    assert mixed.protocol == new.protocol  # queries are still found in the gallery


def test_duke_is_split_by_its_folders(mini_duke):
    splits = read_dataset("duke", mini_duke)
    assert people(splits.train) == set(range(1, 17, 2))
    assert people(splits.query) == EVEN - {14, 16}
    assert people(splits.gallery) == EVEN
    assert (len(splits.train), len(splits.query), len(splits.gallery)) == (24, 6, 20)
    assert "withdrew it in 2019" in splits.notes[0]
    assert "gallery people: 8, the full data set has 1,110" in splits.notes


def test_duke_frames_are_in_order_of_their_numbers(duke):
    folder = duke / "train" / "0001" / "0001"
    first = sorted(folder.iterdir())[0]
    shutil.copy(first, folder / "0001_C1_F0010000_X99999.jpg")
    shutil.copy(first, folder / "0001C1F0000X00500.jpg")
    found = read_dataset("duke", duke).train[0]
    assert frames(found)[0] == "0001C1F0000X00500.jpg"
    assert frames(found)[-1] == "0001_C1_F0010000_X99999.jpg"


def test_duke_queries_leave_the_gallery_on_request(mini_duke):
    splits = read_dataset("duke", mini_duke, queries_in_gallery=False)
    assert len(splits.gallery) == 14
    assert not {(t.pid, t.camid) for t in splits.query} & {(t.pid, t.camid) for t in splits.gallery}
    assert "6 of the 6 query tracklets taken out" in splits.protocol
    assert not [note for note in splits.notes if note.startswith("gallery")]


def test_what_may_be_a_part_of_duke_is_noted(duke):
    shutil.rmtree(duke / "gallery" / "0004")
    emptied = duke / "train" / "0001" / "0002"
    for path in emptied.iterdir():
        path.unlink()
    (duke / "train" / "0001" / "0001" / ".DS_Store").touch()
    (duke / "train" / "0090").mkdir()
    splits = read_dataset("duke", duke)
    assert len(splits.train) == 23
    assert f"2 folders without images, as an interrupted copy leaves them, the first {emptied}" in splits.notes
    assert "1 query people are not in the gallery, the first is 0004" in splits.notes


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("0003_C1_F0001_X01000.jpg", "is of another person or camera"),
        ("0001_C5_F0009_X01000.jpg", "is of another person or camera"),
        ("holiday.jpg", "not a name such as"),
    ],
)
def test_duke_tracklets_of_several_people_are_refused(duke, name, told):
    path = duke / "train" / "0001" / "0001" / name
    path.touch()
    message = refusal("duke", duke)
    assert str(path) in message and told in message


def test_a_duke_that_lacks_a_part_is_refused(duke):
    assert refusal("duke", duke / "gallery").endswith(f"pass {duke}")
    shutil.rmtree(duke / "query")
    assert "lacks query/" in refusal("duke", duke)
    (duke / "query").mkdir()
    assert "query: no tracklet with images" in refusal("duke", duke)


# Market-1501


def test_market_is_split_by_person(mini_market):
    splits = read_dataset("market", mini_market)
    assert people(splits.gallery) == {1, 7, 13}
    assert people(splits.train) == set(range(1, 17)) - {1, 7, 13}
    assert [(t.pid, t.camid) for t in splits.query] == [(pid, camid) for pid in (1, 7, 13) for camid in (1, 2, 3)]
    assert [t.paths for t in splits.query] == [t.paths[:1] for t in splits.gallery]
    assert "people: 16, the full data set has 751" in splits.notes
    assert read_dataset("market", mini_market / "bounding_box_train") == splits


def test_markets_test_half_is_image_to_image(mini_market_test, tmp_path):
    splits = read_dataset("market-test", mini_market_test)
    assert splits.train == () and all(len(t.paths) == 1 for t in (*splits.query, *splits.gallery))
    assert 0 in people(splits.gallery) and -1 not in people(splits.gallery)
    assert people(splits.query) == people(splits.gallery) - {0}
    assert f"queries: {len(splits.query)}, the full data set has 3,368" in splits.notes
    shutil.copytree(mini_market_test / "query", tmp_path / "query")
    assert "lacks bounding_box_test/" in refusal("market-test", tmp_path)


def test_market_reads_its_training_folder_only(mini_market, tmp_path):
    root = Path(shutil.copytree(mini_market, tmp_path / "market"))
    expected = read_dataset("market", root)
    for folder in ("query", "bounding_box_test"):
        shutil.copytree(root / "bounding_box_train", root / folder)
    for name in ("-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg", "._0002_c1s1_000001_00.jpg"):
        (root / "bounding_box_train" / name).touch()
    assert read_dataset("market", root) == expected
    assert refusal("market", root.parent).endswith(f"pass {root}")
    (root / "bounding_box_train" / "holiday.jpg").touch()
    assert "holiday.jpg" in refusal("market", root)


@pytest.mark.parametrize("name", ["market", "mot"])
def test_queries_cannot_leave_a_gallery_made_of_queries(name, request):
    root = request.getfixturevalue(f"mini_{name.replace('-', '_')}")
    assert "leave them in" in refusal(name, root, queries_in_gallery=False)


@pytest.mark.parametrize(("name", "most"), [("cuhk03", 5), ("cuhk01", 2)])
def test_cuhk_is_split_by_person_and_camera(name, most, request, tmp_path):
    root = Path(shutil.copytree(request.getfixturevalue(f"mini_{name.replace('-', '_')}"), tmp_path / name))
    splits = read_dataset(name, root)
    assert people(splits.gallery) == {1} and people(splits.train) == set(range(2, 17))
    assert [(t.pid, t.camid, len(t.paths)) for t in splits.gallery] == [(1, 1, most), (1, 2, most)]
    assert [t.paths for t in splits.query] == [t.paths[:1] for t in splits.gallery]
    (root / "0001_1_1.jpg").touch()
    assert "0001_1_1.jpg: not a name of" in refusal(name, root)


# MOT crops


def test_mot_people_are_numbered_through_all_sequences(mini_mot, tmp_path):
    splits = read_dataset("mot", mini_mot, cache=tmp_path)
    found = people(splits.train) | people(splits.gallery)
    assert found == set(range(1, len(found) + 1))
    assert people(splits.gallery) == validation_people(found)
    owners = {(Path(path).parent.name, t.pid) for t in (*splits.train, *splits.gallery) for path in t.paths}
    assert [pid for _, pid in sorted(owners)] == sorted(found)  # each in one sequence, in their order
    assert {sequence for sequence, _ in owners} == {"STREET-01", "STREET-02"}
    assert splits.notes == ()


def test_mot_pieces_are_two_seconds_of_a_person(mini_mot, tmp_path):
    splits = read_dataset("mot", mini_mot, cache=tmp_path)
    for tracklet in (*splits.train, *splits.gallery):
        sequence = Path(tracklet.paths[0]).parent.name
        fps = {"STREET-01": 5, "STREET-02": 10}[sequence]
        indices = [int(name.split("_f")[1].split(".")[0]) for name in frames(tracklet)]
        assert indices == sorted(set(indices))
        assert indices[-1] - indices[0] < 2 * fps
        assert len(indices) <= 10
        assert not [index for index in indices if index % (fps // 5)]
    pieces = [(t.pid, t.camid) for t in (*splits.train, *splits.gallery)]
    assert len(set(pieces)) == len(pieces)
    assert {pid for pid, camid in pieces if camid == 1} == {pid for pid, _ in pieces}
    assert people(splits.query) == {t.pid for t in splits.gallery if t.camid == 2}


def test_mot_crops_show_the_people(mini_mot, tmp_path):
    read_dataset("mot", mini_mot, cache=tmp_path)
    row = next(
        row
        for line in (mini_mot / "STREET-01" / "gt" / "gt.txt").read_text().splitlines()
        if (row := [float(part) for part in line.split(",")])[0] == 6 and row[5] >= 40 and row[8] > 0.9
    )
    left, top, width, height = (int(value) for value in row[2:6])
    image = cv2.imread(str(mini_mot / "STREET-01" / "img1" / "000006.jpg"))
    (path,) = (tmp_path / "STREET-01").glob(f"{int(row[1]):06d}_*_f000005.jpg")
    crop = cv2.imread(str(path))
    assert crop.shape == (height, width, 3)
    expected = image[top : top + height, left : left + width]
    assert np.abs(crop.astype(int) - expected).mean() < 4


GT = """1,1,100,50,40,100,1,1,1
1,2,200,50,40,100,1,1,0.2
1,3,300,50,40,100,1,1,-1
1,4,100,150,10,31,1,1,1
1,5,-30,50,50,100,1,1,1
1,6,-20,50,50,100,1,1,1
1,7,100,50,40,100,0,1,1
1,8,100,50,40,100,1,7,1
1,9,100,220,40,79,1,1,1
"""


def test_mot_crops_leave_out_who_cannot_be_seen(street, tmp_path):
    (street / "gt" / "gt.txt").write_text(GT)  # on images of 480 x 270
    splits = read_dataset("mot", street, cache=tmp_path / "crops")
    kept = {int(name[:6]) for t in (*splits.train, *splits.gallery) for name in frames(t)}
    assert kept == {1, 3, 6, 9}
    assert splits.query == ()
    assert "nothing can be scored" in splits.notes[0]


def test_mot_crops_are_cut_once(street, tmp_path, monkeypatch, capfd):
    first = read_dataset("mot", street, cache=tmp_path / "crops")
    assert capfd.readouterr() == ("", "")  # no terminal, no progress
    monkeypatch.setattr(cutter, "open_video", None)  # who opens the pixels again fails
    assert read_dataset("mot", street, cache=tmp_path / "crops") == first


@pytest.mark.parametrize("what", ["gt/gt.txt", "seqinfo.ini", "a lost crop", "a picture", "settings"])
def test_mot_crops_are_cut_again_when_anything_changed(what, street, tmp_path, monkeypatch):
    cache = tmp_path / "crops"
    first = read_dataset("mot", street, cache=cache)
    stamp = cache / street.name / cutter.STAMP
    inode = stamp.stat().st_ino
    read_dataset("mot", street, cache=cache)
    assert stamp.stat().st_ino == inode
    if what == "a lost crop":
        Path(first.train[0].paths[0]).unlink()
    elif what == "a picture":
        shutil.copy(street / "img1" / "000001.jpg", street / "img1" / "000002.jpg")
    elif what == "settings":
        monkeypatch.setattr("readtrack.datasets.mot_crops.CropConfig", lambda: cutter.CropConfig(quality=50))
    else:  # same size, other content
        *lines, one, two = (street / what).read_text().splitlines()
        (street / what).write_text("\n".join([*lines, two, one]) + "\n")
    changed = []
    monkeypatch.setattr(cutter, "_keep", lambda *args, keep=cutter._keep: changed.append(1) or keep(*args))
    again = read_dataset("mot", street, cache=cache)
    assert changed == [1]
    assert again == first
    assert not list(cache.glob("*.partial"))


@pytest.mark.parametrize("afterwards", [1, 0], ids=["first time", "renewing"])
def test_an_interrupted_cutting_is_done_again(afterwards, street, tmp_path, monkeypatch):
    cache = tmp_path / "crops"
    expected = read_dataset("mot", street, cache=cache)
    if afterwards:
        shutil.rmtree(cache)
    else:
        Path(expected.train[0].paths[0]).unlink()
    encode, calls = cv2.imencode, []

    def stop(*args):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return encode(*args)

    with monkeypatch.context() as patch:
        patch.setattr(cv2, "imencode", stop)
        with pytest.raises(KeyboardInterrupt):
            read_dataset("mot", street, cache=cache)
    assert len(list((cache / "STREET-01.partial").glob("*.jpg"))) == 4
    (cache / "STREET-01.partial" / "000099_p001_f000000.jpg").touch()  # of somebody who was taken out since
    assert read_dataset("mot", street, cache=cache) == expected
    assert [path.name for path in cache.iterdir()] == ["STREET-01"]


def test_a_truncated_image_of_a_sequence_is_noted(street, tmp_path):
    whole = read_dataset("mot", street, cache=tmp_path / "whole")
    picture = street / "img1" / "000004.jpg"
    picture.write_bytes(b"")
    for _ in range(2):  # cut, then kept
        splits = read_dataset("mot", street, cache=tmp_path / "crops")
        assert splits.notes == (f"{picture}: cannot be decoded, skipped",)
    assert not list((tmp_path / "crops").rglob("*_f000003.jpg"))
    assert list((tmp_path / "whole").rglob("*_f000003.jpg"))
    assert people(splits.train) == people(whole.train)


def test_sequences_without_pixels_and_repeated_ones_are_left_out(street, tmp_path):
    for name in ("STREET-00", "STREET-02"):
        shutil.copytree(street, tmp_path / name)
    shutil.rmtree(tmp_path / "STREET-00" / "img1")
    splits = read_dataset("mot", tmp_path, cache=tmp_path / "crops")
    assert splits.notes == (
        "STREET-00: left out, it has no pixels, neither images nor a video",
        "STREET-02: left out, its ground truth is that of STREET-01",
    )
    alone = read_dataset("mot", street, cache=tmp_path / "crops")
    assert splits == replace(alone, notes=splits.notes)
    assert "no sequence has pixels" in refusal("mot", tmp_path / "STREET-00", cache=tmp_path / "crops")


def test_what_is_in_the_way_of_crops_is_left_alone(street, tmp_path):
    own = tmp_path / "crops" / street.name / "mine.txt"
    own.parent.mkdir(parents=True)
    own.touch()
    assert "is in the way" in refusal("mot", street, cache=tmp_path / "crops")
    assert own.exists()
    assert "is in the way" in refusal("mot", street, cache=street.parent)  # the sequence itself
    assert (street / "gt" / "gt.txt").is_file()
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal("mot", street, cache=tmp_path / "file")


def test_crops_lie_under_runs_unless_told_otherwise(street, monkeypatch):
    monkeypatch.chdir(street)
    splits = read_dataset("mot", Path("."))
    assert splits.train[0].paths[0].startswith("runs/crops/STREET-01/")
    assert read_dataset("mot", Path(".")) == splits


# People of drawn streets


def test_people_of_streets_are_trained_on_beside_those_of_a_data_set(mini_market, tmp_path, monkeypatch):
    small = StreetConfig(width=320, height=180, frames=60, people=6, hidden=0, returning=0, lookalikes=0)
    monkeypatch.setattr(streets, "StreetConfig", lambda seed: replace(small, seed=seed))
    market = read_dataset("market", mini_market)
    both = read_dataset("market", mini_market, cache=tmp_path, streets=2)
    assert both.query == market.query and both.gallery == market.gallery
    assert both.train[: len(market.train)] == market.train
    drawn = both.train[len(market.train) :]
    assert not people(drawn) & (people(market.train) | people(market.gallery))
    folders = {Path(path).parent.name for tracklet in drawn for path in tracklet.paths}
    assert folders == {"street-10000", "street-10001"}
    for folder in folders:  # nobody is in two streets
        assert len({t.pid for t in drawn if folder in t.paths[0]}) >= 2
    assert sum(len({Path(path).parent for path in t.paths}) for t in drawn) == len(drawn)
    assert "2 drawn streets" in both.name
    monkeypatch.setattr(cutter, "_keep", lambda *_: pytest.fail("cut again"))
    assert read_dataset("market", mini_market, cache=tmp_path, streets=2) == both


def test_streets_do_not_overwrite_what_is_no_street(mini_market, tmp_path):
    (tmp_path / "street-10000").mkdir()
    with pytest.raises(InputError, match="in the way of crops"):
        read_dataset("market", mini_market, cache=tmp_path, streets=1)
