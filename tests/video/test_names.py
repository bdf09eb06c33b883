"""What names a source: awkward file names, addresses, devices, and numbered images."""

import os
import shutil

import cv2
import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.video import VideoWriter, open_video

AWKWARD = [
    "a:b.mp4",
    "two words.mp4",
    "per%d cent%20.mp4",
    "br[ack]{et}s.mp4",
    "-dash.mp4",
    "Grüße 1#2?3.mp4",
    "~x.mp4",
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, 10) as writer:
        for _ in range(3):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return path


@pytest.mark.skipif(os.name == "nt", reason="needs a file system that takes such names")
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_file_names_are_only_names(tmp_path, monkeypatch, clip, name):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, tmp_path / name)
    for source in (name, tmp_path / name, (tmp_path / name).as_uri()):
        assert len(list(open_video(source))) == 3


def test_file_addresses_and_patterns_beneath_brackets(tmp_path):
    folder = tmp_path / "shots [1]"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((48, 64, 3), np.uint8))
    assert len(list(open_video(folder.as_uri()))) == 1
    assert len(list(open_video(f"{folder}/*.png"))) == 1


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("gopher://example.org/x", "no known protocol"),
        ("file:///none/at/all.mp4", "no such file"),
        (os.devnull, "device that is no camera"),
    ],
)
def test_what_names_nothing_says_so(source, word):
    with pytest.raises(InputError, match=word):
        open_video(source)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_told_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="named pipe"):
        open_video(tmp_path / "pipe.mp4")


# Numbered images


def shots(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.zeros((48, 64, 3), np.uint8))
    return folder


@pytest.mark.parametrize(
    ("names", "indices", "told"),
    [
        (["000001.png", "000002.png", "000003.png"], [0, 1, 2], ""),
        (["000000.png", "000001.png", "000002.png"], [0, 1, 2], ""),
        (["000001.png", "000002.png", "000004.png"], [0, 1, 3], "numbered 1 to 4"),
        (["1.png", "6.png", "11.png", "16.png"], [0, 5, 10, 15], "every 5th"),
        (["f_005.png", "f_010.png"], [4, 9], "every 5th"),
        (["IMG_1234.png", "IMG_1235.png"], [0, 1], ""),
        (["IMG_1234.png", "IMG_1238.png", "IMG_1239.png"], [0, 1, 2], "in their order"),
        (["a1.png", "b1.png", "b7.png"], [0, 1, 2], ""),
        (["2024-01-02.png", "2025-01-03.png"], [0, 1], ""),
    ],
)
def test_numbered_images_are_the_frames_of_their_numbers(tmp_path, names, indices, told):
    video = open_video(shots(tmp_path / "cam", names), fps=10)
    frames = list(video)
    assert [frame.index for frame in frames] == indices
    assert [frame.time for frame in frames] == [index / 10 for index in indices]
    assert video.total == len(frames)
    assert (video.warnings == []) if not told else told in video.warnings[0]


def test_a_mot_sequence_that_lacks_its_first_images_keeps_their_numbers(tmp_path):
    folder = tmp_path / "S"
    shots(folder / "img1", ["000011.png", "000012.png"])
    assert [frame.index for frame in open_video(folder / "img1", fps=10)] == [10, 11]
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=12\nimExt=.png\n")
    video = open_video(folder)
    assert [frame.index for frame in video] == [10, 11] and video.length == 12 and video.total == 2
    assert [frame.index for frame in open_video(folder, start=11)] == [11]
