"""What live linking remembers: boxes of the last seconds, and whom they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.linking.filling import smooth
from readtrack.linking.motion import SPAN
from readtrack.linking.settling import SURE, into_frames

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Frame = tuple[int, float, Floats, bool]  # number, seconds, what takes it to where it stands still, whether it moved

NOBODY = 0  # the id of whom none was told


@dataclass(frozen=True)
class Rows:
    """Boxes; all arrays begin with their number."""

    frame: Ints
    time: Floats
    xyxy: Floats
    steady: Floats
    confidence: Floats
    tracklet: Ints
    told: Ints  # the id under which they went out
    filled: NDArray[np.bool_]

    def take(self, which: Ints | NDArray[np.bool_]) -> "Rows":
        """Some of them."""
        return Rows(*(values[which] for values in vars(self).values()))

    @classmethod
    def joined(cls, parts: "Sequence[Rows]") -> "Rows":
        """All of several."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


NO_ROWS = Rows(
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros((0, 4)),
    np.zeros((0, 4)),
    np.zeros(0),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, bool),
)


@dataclass
class Unit:
    """What is linked as a whole: a tracklet, or all of a person that is final."""

    begin: float  # seconds
    last: float
    boxes: int = 0
    id: int = NOBODY
    final: bool = False
    sure: float = 1.0  # probability of the link that it was told by
    before: int = -1  # the tracklet with which another tracker says that it goes on, -1 for none


def owners(groups: dict[int, list[int]], units: list[Unit]) -> dict[int, int]:
    """The id that each person had already: of several the first, of several people with one who has most of it."""
    weight: dict[tuple[int, int], float] = {}
    for person, places in groups.items():
        for k in places:
            if units[k].id != NOBODY:
                more = np.inf if units[k].final else units[k].boxes
                weight[units[k].id, person] = weight.get((units[k].id, person), 0.0) + more
    taken: set[int] = set()
    answer: dict[int, int] = {}
    final = {person for person, places in groups.items() if any(units[k].final for k in places)}
    for number, person in sorted(weight, key=lambda key: (-weight[key], key[0])):
        if number in taken:
            continue
        taken.add(number)
        if weight[number, person] == np.inf or person not in final:
            answer[person] = min(answer.get(person, number), number)
    return answer


def between(unit: Unit, rows: Rows, frames: Sequence[Frame], longest: float, smoothing: float) -> Rows | None:
    """Boxes between a unit and where its person was seen before; None where there are none, or that is not sure.

    Args:
        unit: what was seen again.
        rows: all boxes of that person.
        frames: in which boxes may be wanted.
        longest: gap in seconds.
        smoothing: frames over which the boxes at either end are averaged.
    """
    earlier, later = np.flatnonzero(rows.time < unit.begin), np.flatnonzero(rows.time >= unit.begin)
    if not len(earlier) or not len(later) or unit.sure < SURE:
        return None
    last, first = earlier[rows.time[earlier].argmax()], later[rows.time[later].argmin()]
    gap = rows.time[first] - rows.time[last]
    missed = [one for one in frames if rows.frame[last] < one[0] < rows.frame[first]]
    if gap > longest or not missed:
        return None
    time = np.array([seconds for _, seconds, _, _ in missed])
    share = (time - rows.time[last]) / gap
    ends = []
    for side, end in ((earlier, last), (later, first)):
        near = side[np.argsort(rows.frame[side])]
        near = near[np.abs(rows.time[near] - rows.time[end]) <= SPAN]
        averaged = smooth(rows.frame[near], rows.steady[near], smoothing)
        ends.append(averaged[np.flatnonzero(near == end)[0]])
    steady = ends[0] + share[:, None] * (ends[1] - ends[0])
    count = len(missed)
    return Rows(
        np.array([number for number, *_ in missed], np.int64),
        time,
        into_frames(steady, np.stack([standing for _, _, standing, _ in missed])),
        steady,
        np.full(count, float(min(rows.confidence[last], rows.confidence[first]))),
        np.full(count, rows.tracklet[first]),
        np.full(count, unit.id),
        np.ones(count, bool),
    )


def looked_up(table: dict[int, Any], keys: Ints) -> NDArray[Any]:
    """What a table says of each of N of its keys (N,)."""
    if not len(keys):
        return np.zeros(0, np.int64)
    known, values = np.array(list(table)), np.array(list(table.values()))
    low = int(known.min())
    found = np.zeros(int(known.max()) - low + 1, values.dtype)
    found[known - low] = values
    return np.asarray(found[keys - low])
