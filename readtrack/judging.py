"""Judging: what READ says of clips, how it is asked, and what it remembers of its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.linking.similarity import Clip, Ints
from readtrack.read.crops import spread_positions
from readtrack.read.matcher import Matcher

Floats = NDArray[np.float64]
Key: TypeAlias = tuple[int, ...]  # a clip, by its crops

AT_ONCE = 256  # clips whose vectors are asked for together


def pair_log_odds(
    matcher: Matcher, crops: Callable[[Sequence[Clip]], Sequence[Clip]] = list
) -> Callable[[Sequence[Clip], Ints], Floats]:
    """READ's log odds of pairs of clips: each one's crops against the other as a video, averaged over both ways.

    ``crops`` gives what READ compares, where clips are something else.
    """

    def answer(clips: Sequence[Clip], pairs: Ints) -> Floats:
        total = np.zeros(len(pairs))
        for here, there in ((0, 1), (1, 0)):
            order = np.argsort(pairs[:, here], kind="stable")
            for rows in np.split(order, np.flatnonzero(np.diff(pairs[order, here])) + 1):
                if len(rows):
                    one, *videos = crops([clips[pairs[rows[0], here]], *(clips[k] for k in pairs[rows, there])])
                    total[rows] += matcher.log_odds(one, videos).mean(axis=0) / 2
        return total

    return answer


@dataclass(eq=False)
class Place:
    """A place in a gallery, given before its crop is cut."""

    frame: int  # from 0
    xyxy: Floats  # (4,)
    crop: Any = None  # None where the box shows nothing
    picture: Any = None  # what ``take_pictures`` made of it


@dataclass(frozen=True)
class Compared:
    """A crop and a tracklet, as READ sees them."""

    places: list[Place]  # of the crop, then of the tracklet's
    probability: float
    attention: Floats | None  # (T, h, w) of the tracklet's crops, sums to 1; None where the network shows none


def compare_places(matcher: Matcher | None, places: list[Place], others: list[Place]) -> Compared | None:
    """How READ sees the first of the others against a tracklet's places; None where either are none."""
    if matcher is None or not places or not others:
        return None
    clip, crop = [place.crop for place in places], others[0].crop
    probability = float(matcher.similarity([crop], [clip])[0, 0])
    try:
        attention = matcher.attention(crop, clip)
    except InputError:  # this network has none to show
        return Compared([others[0], *places], probability, None)
    shown = np.zeros((len(clip), *attention.shape[1:]))
    np.add.at(shown, spread_positions(len(clip), len(attention)), attention)
    return Compared([others[0], *places], probability, shown)


class Judge:
    """READ's answers about clips, remembered from one linking to the next: what is live asks again and again."""

    def __init__(self, matcher: Matcher, crops: Callable[[Sequence[Clip]], Sequence[Clip]] = list) -> None:
        """Begin without answers; ``crops`` gives what READ compares, where clips are something else."""
        self.matcher, self._crops = matcher, crops
        self._odds: dict[tuple[Key, Key], tuple[Clip, Clip, float]] = {}  # clips keep their crops, and so their keys
        self._vectors: dict[Key, tuple[Clip, NDArray[Any]]] = {}

    def vectors(self, clips: Sequence[Clip]) -> NDArray[Any]:
        """One of unit length for each clip (M, D)."""
        keys = [_key(clip) for clip in clips]
        new = [k for k, key in enumerate(keys) if key not in self._vectors]
        known = dict(self._vectors)
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            found = self.matcher.video_vectors(self._crops([clips[k] for k in some]))
            known |= {keys[k]: (clips[k], row) for k, row in zip(some, found, strict=True)}
        self._vectors = {key: known[key] for key in keys}
        return np.stack([known[key][1] for key in keys])

    def persons(self, clips: Sequence[Clip]) -> Floats:
        """Log odds (M,) that clips show people; NaN where the weights do not tell."""
        keys = [_key(clip) for clip in clips]
        new = [k for k, key in enumerate(keys) if key not in self._vectors]
        made = self.matcher.video_vectors(self._crops([clips[k] for k in new])) if new else ()
        vectors = dict(zip([keys[k] for k in new], made, strict=True))
        return self.matcher.person_log_odds(
            np.stack([vectors[key] if key in vectors else self._vectors[key][1] for key in keys])
        )

    def log_odds(self, clips: Sequence[Clip], pairs: Ints) -> Floats:
        """Log odds (P,) of pairs of clips (P, 2)."""
        keys = [_key(clip) for clip in clips]
        asked = [(keys[i], keys[j]) for i, j in pairs.tolist()]
        new = [k for k, key in enumerate(asked) if key not in self._odds]
        found = pair_log_odds(self.matcher, self._crops)(clips, pairs[new]).tolist() if new else []
        known = dict(self._odds)
        for k, odds in zip(new, found, strict=True):
            known[asked[k]] = (clips[pairs[k, 0]], clips[pairs[k, 1]], odds)
        self._odds = {key: known[key] for key in asked}
        return np.array([known[key][2] for key in asked])


def _key(clip: Clip) -> Key:
    """What tells a clip from others as long as its crops are kept; of crops that are numbers, these."""
    return tuple(crop if isinstance(crop, int) else id(crop) for crop in clip)
