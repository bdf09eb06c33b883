"""Pairs as a tracker meets them: what calibration is fitted to and checked on, and which of them READ gets wrong."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.datasets.clips import ImageCache
from readtrack.datasets.tracklets import DISTRACTOR, ReidSplits
from readtrack.evaluation.reid.pairing import compare, spread
from readtrack.metrics.calibration import calibration_error, fit_sigmoid, reliability_curve, sigmoid
from readtrack.read.matcher import Matcher

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

PRIOR = 0.1  # chance that a newcomer is one given person of those who went missing
TRACKLETS_PER_CAMERA = 150  # at most: 22,500 pairs a camera are plenty


@dataclass(frozen=True)
class Pairs:
    """K pairs of P tracklets, each of which gives one image to be asked for and one clip to be found."""

    logits: Floats  # (K,), READ's
    query: Ints  # (K,), whose image
    gallery: Ints  # (K,), whose clip
    pids: Ints  # (P,)
    images: tuple[str, ...]  # P files
    clips: tuple[tuple[str, ...], ...]  # P times up to T files

    @property
    def same(self) -> NDArray[np.bool_]:
        """Which show one person (K,)."""
        return np.asarray(self.pids[self.query] == self.pids[self.gallery])

    @property
    def mixed(self) -> bool:
        """Whether some show one person and some two; nothing can be calibrated otherwise."""
        same = self.same
        return bool(same.any() and not same.all())


def tracking_pairs(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> Pairs:
    """Compare within each camera, as a tracker does.

    The last image of each held-out tracklet of at least 4 meets the first half of every such tracklet of its camera.
    Of many in one camera, 150 at even steps stand for all; distractors, whose number 0 is no identity, are left out.
    """
    logits: list[Floats] = [np.zeros(0, dtype=np.float32)]
    rows: list[Ints] = [np.zeros((2, 0), dtype=np.int64)]
    pids: list[int] = []
    asked: list[str] = []
    found: list[tuple[str, ...]] = []
    for camid in sorted({tracklet.camid for tracklet in splits.gallery}):
        usable = [t for t in splits.gallery if t.camid == camid and t.pid != DISTRACTOR and len(t.paths) >= 4]
        tracklets = spread(usable, TRACKLETS_PER_CAMERA)
        if not tracklets:
            continue
        queries = [t.paths[-1] for t in tracklets]
        clips = [tuple(spread(t.paths[: len(t.paths) // 2], matcher.clip_length)) for t in tracklets]
        logits.append(compare(matcher, queries, clips, images)[0].ravel())
        rows.append(np.indices((len(clips), len(clips))).reshape(2, -1) + len(pids))
        pids += [t.pid for t in tracklets]
        asked += queries
        found += clips
    query, gallery = np.concatenate(rows, axis=1)
    return Pairs(np.concatenate(logits), query, gallery, np.array(pids, dtype=np.int64), tuple(asked), tuple(found))


def calibrate(matcher: Matcher, splits: ReidSplits, images: ImageCache) -> tuple[float, float]:
    """Scale and offset of logits from held-out people, where one candidate in ten is the person; 1 and 0 without."""
    pairs = tracking_pairs(matcher, splits, images)
    return fit_sigmoid(pairs.logits, pairs.same, PRIOR) if pairs.mixed else (1.0, 0.0)


def check_calibration(matcher: Matcher, pairs: Pairs, bar: float = 0.9) -> dict[str, Any] | None:
    """How far probabilities are off on pairs as a tracker meets them, and which share of pairs passes ``bar``.

    Returns:
        "error" (expected calibration error) of the network's own probabilities; "error_of_new_people" where a sigmoid
        is fitted to half of these people and measured on the others, the mean of both ways, None where a half has not
        both kinds of pairs; "true" and "wrong", shares that pass; "pairs"; "curve", as of ``reliability_curve``.
        None where the data has no pairs of one person or none of two.
    """
    if not pairs.mixed:
        return None
    probability, same = matcher.probability(pairs.logits), pairs.same
    return {
        "error": calibration_error(probability, same, PRIOR),
        "error_of_new_people": error_of_new_people(pairs),
        "true": float((probability[same] >= bar).mean()),
        "wrong": float((probability[~same] >= bar).mean()),
        "pairs": len(same),
        "curve": reliability_curve(probability, same, PRIOR),
    }


def error_of_new_people(pairs: Pairs) -> float | None:
    """Expected calibration error where a sigmoid is fitted to half of the people and measured on the other half.

    People are halved by taking turns in the order of their numbers; pairs across the halves do not count. The mean of
    both ways; None where a half has not both kinds of pairs.
    """
    half = np.searchsorted(np.unique(pairs.pids), pairs.pids) % 2  # (P,)
    within = [(half[pairs.query] == side) & (half[pairs.gallery] == side) for side in (0, 1)]
    logits, same = [pairs.logits[rows] for rows in within], [pairs.same[rows] for rows in within]
    if any(not s.any() or s.all() for s in same):
        return None
    errors = []
    for fitted, measured in ((0, 1), (1, 0)):
        probability = sigmoid(logits[measured], *fit_sigmoid(logits[fitted], same[fitted], PRIOR))
        errors.append(calibration_error(probability, same[measured], PRIOR))
    return float(np.mean(errors))


def worst_pairs(matcher: Matcher, pairs: Pairs, count: int) -> dict[str, list[dict[str, Any]]]:
    """Whom READ is most wrong about.

    Returns:
        "false_accepts", wrong pairs of highest probability first, and "false_rejects", true pairs of lowest
        probability first; at most ``count`` of each and no two people twice. A pair is its "probability", its
        "query", a file, and its "clip", a list of files.
    """
    probability = matcher.probability(pairs.logits)
    wrong, true = np.flatnonzero(~pairs.same), np.flatnonzero(pairs.same)
    orders = {
        "false_accepts": wrong[np.argsort(-pairs.logits[wrong], kind="stable")],
        "false_rejects": true[np.argsort(pairs.logits[true], kind="stable")],
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, order in orders.items():
        shown: dict[frozenset[int], dict[str, Any]] = {}
        for k in order.tolist():
            if len(shown) == count:
                break
            query, gallery = int(pairs.query[k]), int(pairs.gallery[k])
            people = frozenset((int(pairs.pids[query]), int(pairs.pids[gallery])))
            row = {"probability": float(probability[k]), "query": pairs.images[query], "clip": [*pairs.clips[gallery]]}
            shown.setdefault(people, row)
        found[kind] = list(shown.values())
    return found
