"""Finished tracks of any tracker, joined into identities: what can be one person, what READ says, what is likeliest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import supervision as sv

from readtrack.relinking.config import Link, RelinkConfig
from readtrack.relinking.evidence import compare, gather
from readtrack.relinking.holes import fill_holes
from readtrack.relinking.linking import join
from readtrack.relinking.lives import Life, lives, relations
from readtrack.video import Frame

if TYPE_CHECKING:
    from readtrack.read.matcher import Matcher

__all__ = ["Link", "RelinkConfig", "Relinked", "fill_holes", "relink"]


@dataclass(frozen=True)
class Relinked:
    """Who is who."""

    identities: dict[int, int]  # every track's id -> that of the first track of the same person
    links: list[Link]  # in the order in which they were made, the surest of each round first
    unseen: list[int]  # tracks without any clear crop, which stay alone


def relink(
    tracks: Mapping[int, sv.Detections],
    frames: Iterable[Frame],
    matcher: "Matcher",
    config: RelinkConfig = RelinkConfig(),
    report: Callable[[int], None] = lambda done: None,
) -> Relinked:
    """Join finished tracks into identities by READ.

    Two tracks that are seen in one frame are never one person, nor whoever would have to run faster than
    ``max_speed`` between them. What is left is weighed as a whole: a link's probability counts all others that
    either track might be, so that who resembles two people is given to neither. Nothing but ids changes.

    The frames are read once; a few crops of each track are kept, and the network's answers about pairs.

    Args:
        tracks: boxes with ``tracker_id`` by frame from 0, as ``read_mot`` gives them; ids below 0 are left out.
        frames: the video that they are of, in order, as ``open_video`` gives it.
        matcher: READ.
        config: when two tracks are one person; set its ``fps``.
        report: told now and then how many frames are read, and then how many tracks are compared on top.

    Raises:
        InputError: an id stands twice in a frame, or the video has no pixels or ends before the tracks.
    """
    people = lives(tracks)
    if not people:
        return Relinked({}, [], [])
    done = 0

    def read(count: int) -> None:
        nonlocal done
        done = count
        report(count)

    crops = gather(people, tracks, frames, matcher, config, read)
    conflict, apart = relations(people, config)
    longest = config.max_gap * config.fps
    odds = compare(crops, ~conflict & (apart <= longest), matcher, config, lambda more: report(done + more))
    group = np.arange(len(people))
    links = []
    for made in join(odds, conflict, apart, longest, config.threshold):
        group[group == made.second] = made.first
        one, other = people[made.first], people[made.second]
        links.append(
            Link(
                identity=one.track,
                track=other.track,
                frame=int(other.frames[0]),
                gap=made.gap,
                probability=made.probability,
                runner_up=made.runner_up,
                odds=made.odds,
            )
        )
    identities = {life.track: people[group[i]].track for i, life in enumerate(people)}
    return Relinked(identities, links, _unseen(people, crops))


def _unseen(people: list[Life], crops: list[list[object]]) -> list[int]:
    """Ids of tracks without any crop."""
    return [life.track for life, known in zip(people, crops, strict=True) if not known]
