"""Who was seen some time before whom: what the long-gap test asks."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readtrack.evaluation.recordings import Recording, label
from readtrack.evaluation.reid import spread
from readtrack.images import Image
from readtrack.read.crops import cut


@dataclass(frozen=True, eq=False)
class Sighting:
    """A detection that is somebody."""

    person: int
    frame: int
    pixels: dict[tuple[int, int], Image]  # (H, W) -> RGB (H, W, 3)


@dataclass(frozen=True)
class QuerySet:
    """What is asked in one frame: who of the people seen some time before is each of these?"""

    queries: tuple[Sighting, ...]  # each is one of ``people``
    people: NDArray[np.int64]  # (M,)
    clips: tuple[tuple[Sighting, ...], ...]  # M, up to T of each


def sightings(
    recording: Recording,
    sizes: Collection[tuple[int, int]],
    every: int = 1,
    step: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, list[Sighting]]]:
    """(frame, everybody who was detected there) of frames whose number divides by ``every``.

    Crops are cut in each of ``sizes`` (height, width); ``step`` is called after every frame.
    """
    for frame in recording.frames:
        step()
        if frame.image is None or frame.index % every:
            continue
        found = recording.detections(frame.index)
        xyxy = np.asarray(found.xyxy, np.float64).reshape(-1, 4)
        cuts = {size: cut(frame.image, xyxy, *size) for size in sizes}
        seen = []
        for i, person in enumerate(label(found, recording.truth(frame.index)).tolist()):
            pixels = {size: crop for size in sizes if (crop := cuts[size][i]) is not None}
            if person >= 0 and pixels:
                seen.append(Sighting(person, frame.index, pixels))
        yield frame.index, seen


def query_sets(
    frames: Iterable[tuple[int, list[Sighting]]], gaps: Sequence[tuple[int, int]], every: int, length: int
) -> Iterator[tuple[int, QuerySet]]:
    """Ask in every so many frames who is who of the people seen some time before; only that time is remembered.

    Args:
        frames: of ``sightings``, in order.
        gaps: how many frames before the query people must have been seen, least and most; each is asked by itself.
        every: frames whose number divides by this are asked about.
        length: T; a person's clip is that many sightings at equal steps over all within the gap, or fewer.

    Returns:
        The place of the gap and what is asked: at least one query and two people; a query's own person is among these.
    """
    furthest = max(most for _, most in gaps)
    past: defaultdict[int, list[Sighting]] = defaultdict(list)
    for frame, seen in frames:
        if frame % every == 0:
            past = defaultdict(
                list, {p: [s for s in known if s.frame >= frame - furthest] for p, known in past.items()}
            )
            for place, (least, most) in enumerate(gaps):
                within = {p: [s for s in past[p] if frame - most <= s.frame <= frame - least] for p in sorted(past)}
                clips = {person: tuple(spread(known, length)) for person, known in within.items() if known}
                queries = tuple(sighting for sighting in seen if sighting.person in clips)
                if queries and len(clips) >= 2:
                    yield place, QuerySet(queries, np.array(list(clips), dtype=np.int64), tuple(clips.values()))
        for sighting in seen:
            past[sighting.person].append(sighting)
