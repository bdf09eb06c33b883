"""False people: whether what was linked is a person, whatever the detector's confidences mean.

What counts is free of the detector's scale: ranks of confidence within the recording, how steadily somebody was seen,
and size for where they stand. In doubt a person stays.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# a logistic regression over 13 recordings, real and synthetic, with three detectors; each was predicted from the others
FEATURES = ("mean rank", "best rank", "share of its frames seen", "misfit of height")
MEAN = np.array([0.443, 0.765, 0.783, 1.288])
WEIGHTS = np.array([3.19, 3.829, 1.814, -0.132])
OFFSET = 1.81

HEIGHT_TOLERANCE = 0.2  # of log height, beyond which a box counts little for the line of heights
MOST_MISFIT = 4.0


def features(people: Ints, frames: Ints, xyxy: Floats, confidence: Floats) -> Floats:
    """What tells people from things, (K, 4), in the order of ``FEATURES``.

    Args:
        people: whose each of B boxes is, from 0 to K - 1; everybody has one at least.
        frames: of the boxes.
        xyxy: the boxes (B, 4) in the image.
        confidence: (B,).
    """
    count = int(people.max(initial=-1)) + 1
    seen = np.bincount(people, minlength=count).astype(np.float64)
    _, place, copies = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = ((np.cumsum(copies) - copies / 2) / max(len(people), 1))[place]
    order = np.lexsort((frames, people))
    begins = np.searchsorted(people[order], np.arange(count))
    life = np.maximum.reduceat(frames[order], begins) - np.minimum.reduceat(frames[order], begins) + 1
    misfit = np.log(_heights(xyxy)) - _expected_height(xyxy, ranks)
    misfit /= max(float(np.median(np.abs(misfit))), 0.05)
    return np.stack(
        [
            np.bincount(people, ranks, count) / seen,
            np.maximum.reduceat(ranks[order], begins),
            np.minimum(seen / life, 1),
            np.minimum(np.abs(np.bincount(people, misfit, count) / seen), MOST_MISFIT),
        ],
        axis=1,
    )


def reasons(found: Floats) -> list[str]:
    """Of each of K people (K, 4) the feature that speaks most against a person."""
    return [FEATURES[place] for place in ((found - MEAN) * WEIGHTS).argmin(axis=1).tolist()]


def _heights(xyxy: Floats) -> Floats:
    """Heights (B,) in pixels, at least 1."""
    return np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0)


def probability(found: Floats) -> Floats:
    """Probability (K,) of being a person, of ``features``."""
    return np.asarray(1 / (1 + np.exp(-((found - MEAN) @ WEIGHTS + OFFSET))))


def _expected_height(xyxy: Floats, trust: Floats) -> Floats:
    """Log height (B,) of a person whose feet are where a box ends: a line fitted robustly to all boxes."""
    foot = xyxy[:, 3]
    height = np.log(_heights(xyxy))
    points = np.stack([np.ones_like(foot), (foot - foot.mean()) / max(float(foot.std()), 1.0)], axis=1)
    weight = trust.copy()
    line = np.array([float(np.median(height)), 0.0])
    for _ in range(10):
        scaled = points * weight[:, None]
        line = np.linalg.solve(scaled.T @ points + np.eye(2) * 1e-3, scaled.T @ height)
        weight = trust / (1 + ((height - points @ line) / HEIGHT_TOLERANCE) ** 2)
    return np.asarray(points @ line)
