"""Boxes that overlap, found by a sweep: the same as by trying all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from readtrack import boxes

corners = st.lists(st.tuples(*[st.integers(0, 12)] * 4), max_size=12).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], float).reshape(-1, 4)
)


@given(corners, corners)
def test_a_sweep_finds_all_boxes_that_overlap(a, b):
    shared = boxes.intersection(a, b) > 0
    one, other = boxes.touching(a, b)
    found = set(zip(one.tolist(), other.tolist(), strict=True))
    assert {(i, j) for i, j in np.argwhere(shared).tolist()} <= found
    assert (np.diff(one) >= 0).all()
    among = set(zip(*(side.tolist() for side in boxes.overlapping(a)), strict=True))
    assert {(i, j) for i, j in np.argwhere(boxes.intersection(a, a) > 0).tolist() if i < j} <= among
    assert all(i < j for i, j in among)


def test_spans_and_begins():
    whose, number = boxes.spans(np.array([3, 5, 9]), np.array([5, 4, 10]))
    assert (whose.tolist(), number.tolist()) == ([0, 0, 2], [3, 4, 9])
    assert boxes.begins(np.array([1, 1, 2]), np.array([0, 1, 1])).tolist() == [True, True, True]
    assert boxes.begins(np.array([1, 1, 1])).tolist() == [True, False, False]
    assert boxes.begins(np.zeros(0, int)).tolist() == []
