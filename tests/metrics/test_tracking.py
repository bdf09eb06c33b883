"""HOTA and its kin on cases counted by hand, and the tracker's own files."""

import numpy as np
import pytest
import supervision as sv

from readtrack.metrics.tracking import score_tracking


def frames(*ids, left=0.0):
    """One frame per tuple of ids; id k always stands at the same place."""
    return {
        i: sv.Detections(
            np.array([[left + 100 * k, 0, left + 100 * k + 50, 100] for k in row], dtype=float).reshape(-1, 4),
            tracker_id=np.array(row, dtype=int),
        )
        for i, row in enumerate(ids)
    }


def renamed(given, names):
    """The same boxes under other ids."""
    for index, detections in given.items():
        detections.tracker_id = np.array([names[index].get(i, i) for i in detections.tracker_id.tolist()], dtype=int)
    return given


def test_perfect_tracks_score_one():
    truth = frames((1, 2), (1, 2), (2,))
    scores = score_tracking(truth, frames((1, 2), (1, 2), (2,)), 3)
    assert (scores.HOTA, scores.IDF1, scores.MOTA) == (1, 1, 1)
    assert (scores.IDSW, scores.Frag) == (0, 0)


def test_one_switch_half_way_counted_by_hand():
    tracks = renamed(frames((1,), (1,), (1,), (1,)), [{}, {}, {1: 9}, {1: 9}])
    scores = score_tracking(frames((1,), (1,), (1,), (1,)), tracks, 4)
    assert scores.IDSW == 1
    assert scores.IDF1 == pytest.approx(0.5)
    assert scores.MOTA == pytest.approx(0.75)
    assert scores.DetA == pytest.approx(1)
    assert scores.AssA == pytest.approx(0.5)
    assert scores.HOTA == pytest.approx(0.5**0.5)


def test_undecided_boxes_and_frames_out_of_range_do_not_count():
    tracks = renamed(frames((1, 2), (1, 2)), [{2: -1}, {2: -1}])
    assert score_tracking(frames((1,), (1,), (5,)), tracks, 2).IDF1 == 1


def test_nothing_tracked_and_nothing_true():
    assert score_tracking(frames((1,)), {}, 1).IDF1 == 0
    assert score_tracking({}, frames((1,)), 1).HOTA == 0


def test_an_id_twice_in_a_frame_is_an_error():
    with pytest.raises(ValueError, match="twice"):
        score_tracking(frames((1,)), frames((1, 1)), 1)
