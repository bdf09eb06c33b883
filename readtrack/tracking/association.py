"""How detections meet tracks: by motion alone, or by motion and READ. ``Tracker`` takes any function like these."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from readtrack import boxes
from readtrack.boxes import Floats
from readtrack.tracking import motion
from readtrack.tracking.assignment import assign
from readtrack.tracking.identity import Identities, Match, Observations
from readtrack.tracking.questions import Asking
from readtrack.tracking.track import UNDECIDED, State, Track

# From a frame's observations and the tracks that motion may find again, whose motion is predicted, to who is whom.
Associate: TypeAlias = Callable[[Observations, list[Track], Identities], Asking[list[Match]]]


def by_motion(now: Observations, tracks: list[Track], identities: Identities) -> Asking[list[Match]]:
    """Continue tracks by motion alone: strong detections first, then weak ones (ByteTrack), then new tracks."""
    return (yield from _cascade(now, tracks, identities, False))


def with_read(now: Observations, tracks: list[Track], identities: Identities) -> Asking[list[Match]]:
    """The same, but READ is asked about strong detections that motion leaves ambiguous."""
    return (yield from _cascade(now, tracks, identities, True))


def _cascade(now: Observations, tracks: list[Track], identities: Identities, read: bool) -> Asking[list[Match]]:
    """Stages of matching, each with what the one before left."""
    config = identities.config
    strong, weak = np.flatnonzero(now.strong), np.flatnonzero(now.weak)
    cost, overlap = _motion_cost(now, tracks, np.concatenate([strong, weak]), config.border_penalty)
    least = config.min_iou if read else config.min_iou_motion
    fit = np.where((overlap >= least) & (cost <= config.gate), cost, np.inf)
    tentative = np.array([track.state is State.TENTATIVE for track in tracks], dtype=bool)
    old = np.flatnonzero(~tentative)
    if read:
        matches = yield from _match_with_read(now, tracks, identities, fit, old, strong)
    else:
        matches = _match_by_motion(tracks, fit, old, strong, config.gate)
    found, taken = {id(track) for track, _ in matches}, {index for _, index in matches}
    left = [i for i in old if id(tracks[i]) not in found and tracks[i].state is State.CONFIRMED]
    close = np.where(overlap >= config.min_iou_low, fit, np.inf)
    matches += _match_by_motion(tracks, close, np.array(left, dtype=int), weak, config.gate)
    rest = np.array([i for i in strong if i not in taken], dtype=int)
    return matches + _match_by_motion(tracks, fit, np.flatnonzero(tentative), rest, config.gate)


def _motion_cost(
    now: Observations, tracks: list[Track], which: NDArray[Any], border_penalty: float
) -> tuple[Floats, Floats]:
    """Negative log-likelihood of each detection under each track's motion (M, N), and how far their boxes overlap.

    Only the detections of ``which`` count; others overlap with nobody.
    """
    motions = [track.motion for track in tracks]
    left = np.array([track.truncated and track.gap(now.frame) > 1 for track in tracks], dtype=bool)
    cost = np.where(left[:, None] & now.truncated, float(border_penalty), 0.0)
    overlap = np.zeros(cost.shape)
    cost[:, which] += motion.negative_log_likelihood(motions, now.xyxy[which])
    overlap[:, which] = boxes.iou(motion.predictions(motions), now.xyxy[which])
    return cost, overlap


def _match_by_motion(
    tracks: list[Track], fit: Floats, rows: NDArray[Any], which: NDArray[Any], gate: float
) -> list[Match]:
    """Match some tracks with some detections by motion alone."""
    if not len(rows) or not len(which):
        return []
    return [(tracks[rows[i]], int(which[j])) for i, j in assign(fit[np.ix_(rows, which)], gate).pairs]


def _match_with_read(
    now: Observations,
    tracks: list[Track],
    identities: Identities,
    fit: Floats,
    rows: NDArray[Any],
    which: NDArray[Any],
) -> Asking[list[Match]]:
    """Match by motion where it is unambiguous, with READ elsewhere."""
    cost = fit[np.ix_(rows, which)]
    least = identities.config.unambiguous_share
    fresh = np.array([tracks[i].gap(now.frame) == 1 for i in rows], dtype=bool)
    share = np.exp(-cost)
    clear = fresh[:, None] & (share > least * share.sum(axis=0))
    clear &= share > least * share.sum(axis=1, keepdims=True)
    matches = [(tracks[rows[i]], int(which[j])) for i, j in zip(*np.nonzero(clear), strict=True)]
    plausible = np.isfinite(cost) & ~clear.any(axis=1)[:, None] & ~clear.any(axis=0)[None]
    ours, theirs = np.flatnonzero(plausible.any(axis=1)), np.flatnonzero(plausible.any(axis=0))
    if not len(ours):
        return matches
    part = np.where(plausible, cost, np.inf)[np.ix_(ours, theirs)]
    ambiguous = [tracks[i] for i in rows[ours]]
    return matches + (yield from _match_ambiguous(now, ambiguous, identities, which[theirs], part))


def _match_ambiguous(
    now: Observations, tracks: list[Track], identities: Identities, which: NDArray[Any], cost: Floats
) -> Asking[list[Match]]:
    """Match by the likelihoods of motion and of READ; who gets no clear answer is unverified from now on."""
    config = identities.config
    plausible = np.isfinite(cost)
    known = np.array([bool(track.crops) for track in tracks], dtype=bool)
    comparable = ~(plausible & ~known[:, None]).any(axis=0)  # else READ would favour whom it cannot judge
    odds, compared = yield from identities.compare(now, tracks, which, plausible & comparable)
    odds = np.where(compared, odds, 0)
    likely = ~compared | (odds >= logit(config.min_probability))
    matches = []
    for i, j in assign(np.where(likely, cost - odds, np.inf), config.gate).pairs:
        track, index = tracks[i], int(which[j])
        rivals = plausible[:, j] & (np.arange(len(tracks)) != i)
        if compared[i, j]:
            reason = "ambiguous" if rivals.any() else "verified"
            identities.report(now, track, index, reason, odds[i, j], odds[rivals & compared[:, j], j])
        if not compared[i, j] or odds[i, j] < logit(config.match_probability):
            _mark_unverified(track, [tracks[k] for k in np.flatnonzero(rivals)])
        matches.append((track, index))
    return matches


def _mark_unverified(track: Track, rivals: list[Track]) -> None:
    """A track and whoever else may have been meant are to be compared again."""
    track.mark_unverified({rival.id for rival in rivals} - {UNDECIDED})
    for rival in rivals:
        rival.mark_unverified({track.id} - {UNDECIDED})
