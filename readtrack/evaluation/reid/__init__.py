"""How well a network tells people apart: the image-to-video benchmark, as training and evaluation both run it."""

from readtrack.evaluation.reid.baselines import Baseline, baseline_similarity, colours, peer
from readtrack.evaluation.reid.calibration import (
    PRIOR,
    Pairs,
    calibrate,
    check_calibration,
    tracking_pairs,
    worst_pairs,
)
from readtrack.evaluation.reid.pairing import Stopwatch, cmc, read_logits, score, spread

__all__ = [
    "PRIOR",
    "Baseline",
    "Pairs",
    "Stopwatch",
    "baseline_similarity",
    "calibrate",
    "check_calibration",
    "cmc",
    "colours",
    "peer",
    "read_logits",
    "score",
    "spread",
    "tracking_pairs",
    "worst_pairs",
]
