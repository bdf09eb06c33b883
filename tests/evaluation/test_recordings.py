"""Recordings with known people: what can be opened, with pixels and without, and gone through again."""

import shutil

import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.evaluation.recordings import open_recording


def test_the_street_has_seeds_and_a_length_and_can_be_seen_again():
    with open_recording("street", frames=6) as one, open_recording("street:3", frames=6) as other:
        assert (one.name, other.name, one.total, one.pixels) == ("street", "street:3", 6, True)
        assert not np.array_equal(one.truth(0).xyxy, other.truth(0).xyxy)
        first, again = ([frame.image for frame in one.frames] for _ in range(2))
        assert len(first) == 6 and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert (one.truth(0).data["visibility"] >= 0.1).all()
        assert one.absences() == []


def test_sequences_without_pixels_are_taken_where_wanted(mini_mot, tmp_path):
    blind = tmp_path / "blind"
    shutil.copytree(mini_mot / "STREET-01", blind, ignore=shutil.ignore_patterns("img1"))
    with pytest.raises(InputError, match="has no pixels"), open_recording(str(blind), truth_boxes=True):
        pass
    with open_recording(str(blind), truth_boxes=True, allow_no_pixels=True) as recording:
        frames = list(recording.frames)
        assert not recording.pixels and len(frames) == recording.total == 30 and recording.fps == 5
        assert all(frame.image is None for frame in frames) and list(recording.absences()) == []
        everybody, seen = recording.truth(0), recording.detections(0)
        assert len(everybody) >= len(seen) == (everybody.data["visibility"] >= 0.1).sum() > 0
        assert len(recording.truth(999)) == len(recording.detections(999)) == 0


@pytest.mark.parametrize("source", ["nowhere", "street:", "street:x", "streets"])
def test_what_is_none_is_told(source):
    with pytest.raises(InputError, match="pass a MOT sequence"), open_recording(source):
        pass
