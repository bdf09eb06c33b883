"""Holes: boxes between two sightings of a person, on a straight line."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def fill_holes(rows: Rows, longest: int) -> Rows:
    """Boxes for the frames in which a person is missing between two sightings, at constant speed.

    Args:
        rows: a MOT file's (N, 9): frame, identity, left, top, width, height, confidence, two more; in any order.
        longest: frames that a hole may have to be filled.

    Returns:
        The new rows alone (M, 9), by frame and identity; their confidence is the lower of both ends, what follows -1.
    """
    new = [np.empty((0, 9))]
    for identity in np.unique(rows[:, 1]):
        own = rows[rows[:, 1] == identity]
        own = own[np.argsort(own[:, 0], kind="stable")]
        missing = np.diff(own[:, 0]).astype(int) - 1
        for place in np.flatnonzero((missing > 0) & (missing <= longest)).tolist():
            before, after = own[place], own[place + 1]
            share = np.arange(1, missing[place] + 1)[:, None] / (missing[place] + 1)
            filled = before + share * (after - before)
            filled[:, 0] = before[0] + np.arange(1, missing[place] + 1)
            filled[:, 1], filled[:, 6], filled[:, 7:] = identity, min(before[6], after[6]), -1
            new.append(filled)
    filled = np.concatenate(new)
    return np.asarray(filled[np.lexsort((filled[:, 1], filled[:, 0]))])
