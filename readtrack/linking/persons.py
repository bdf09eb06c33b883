"""False people: whether what was linked is a person of its own, whatever the detector's confidences mean.

What counts is free of the detector's scale: ranks of confidence within the recording, how steadily somebody was seen,
and what the pictures show. In doubt a person stays.
"""

import numpy as np
from numpy.typing import NDArray

from readtrack.odds import logistic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Logistic regressions over recordings, real and synthetic, by public detections and two more detectors, made by a
# script outside the project (docs/evaluation.md tells what they are worth where a scene was left out). Boxes that
# carry an identity count as a person, those of things and of pieces of somebody else do not. A person whose pictures
# tell nothing is judged by boxes alone.
FEATURES = ("best rank", "share of its frames seen", "picture")
MEAN = np.array([0.864, 0.801, 3.077])
WEIGHTS = np.array([3.009, 1.6, 0.393])
OFFSET = 1.92
MEAN_ALONE = np.array([0.857, 0.803])
WEIGHTS_ALONE = np.array([3.623, 2.79])
OFFSET_ALONE = 0.72

SUREST = 6.0  # log odds that a picture may have
SURER = 0.5  # rank of confidence from which boxes are mostly people, whatever the camera sees; not fitted
FEW = 3.0  # people, of which a rank among them tells half of what it tells among many; not fitted


def features(people: Ints, frames: Ints, confidence: Floats, pictures: Floats) -> Floats:
    """What tells people from things, (K, 3), in the order of ``FEATURES``; NaN where no picture tells anything.

    Args:
        people: whose each of B boxes is, from 0 to K - 1; everybody has one at least.
        frames: of the boxes.
        confidence: (B,).
        pictures: log odds (B,) that the picture of the box's tracklet shows a person; NaN where nothing tells.
    """
    count = int(people.max(initial=-1)) + 1
    seen = np.bincount(people, minlength=count).astype(np.float64)
    _, place, copies = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(copies) / max(len(people), 1))[place]  # the share of boxes that are no surer
    order = np.lexsort((frames, people))
    begins = np.searchsorted(people[order], np.arange(count))
    life = np.maximum.reduceat(frames[order], begins) - np.minimum.reduceat(frames[order], begins) + 1
    told = np.isfinite(pictures)
    pictures = np.clip(pictures, -SUREST, SUREST)
    if (sure := told & (ranks >= SURER)).any():  # where even these look like things, the pictures are of another kind
        pictures = pictures + max(0.0, MEAN[2] - float(np.median(pictures[sure])))
    shown = np.bincount(people, np.where(told, pictures, 0), count)
    with np.errstate(invalid="ignore"):
        mean = shown / np.bincount(people, told, count)
    best = MEAN[0] + (np.maximum.reduceat(ranks[order], begins) - MEAN[0]) * count / (count + FEW)
    return np.stack([best, np.minimum(seen / life, 1), mean], axis=1)


def probability(found: Floats) -> Floats:
    """Probability (K,) of being a person of its own, of ``features``."""
    return logistic(_evidence(found).sum(axis=1) + np.where(_told(found), OFFSET, OFFSET_ALONE))


def reasons(found: Floats) -> list[str]:
    """Of each of K people (K, 3) the feature that speaks most against a person."""
    return [FEATURES[place] for place in _evidence(found).argmin(axis=1).tolist()]


def _told(found: Floats) -> NDArray[np.bool_]:
    """Of whom (K,) a picture tells something."""
    return np.asarray(np.isfinite(found[:, 2]))


def _evidence(found: Floats) -> Floats:
    """Log odds (K, 3) by each feature, beside the usual; 0 by a picture that tells nothing."""
    shown = (found - MEAN) * WEIGHTS
    alone = np.append((found[:, :2] - MEAN_ALONE) * WEIGHTS_ALONE, np.zeros((len(found), 1)), axis=1)
    return np.asarray(np.where(_told(found)[:, None], shown, alone))
