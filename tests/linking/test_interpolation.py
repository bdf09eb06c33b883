"""Holes in finished tracks."""

import numpy as np

from readtrack.linking.interpolation import fill_holes


def row(frame, identity, left, confidence=1.0):
    return [frame, identity, left, 10, 20, 40, confidence, 5, 5]


def test_short_holes_are_filled_on_a_straight_line():
    rows = np.array([row(5, 1, 140, 0.5), row(1, 1, 100), row(2, 2, 0), row(9, 2, 70), row(6, 1, 150)], dtype=float)
    filled = fill_holes(rows, 3)
    assert filled[:, :3].tolist() == [[2, 1, 110], [3, 1, 120], [4, 1, 130]]
    assert filled[:, 6:].tolist() == [[0.5, -1, -1]] * 3
    assert len(fill_holes(rows, 2)) == 0
    assert len(fill_holes(rows, 6)) == 9
    assert fill_holes(np.empty((0, 9)), 5).shape == (0, 9)
