"""What a run tells of itself, as summary.json has it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from readtrack.linking import persons
from readtrack.linking.engine import Linked
from readtrack.linking.settling import People
from readtrack.linking.similarity import OwnPairs
from readtrack.tracking import Reassignment
from readtrack.video import Frame

CORRECTIONS = 200  # that are told, at most


@dataclass(frozen=True)
class PairOdds:
    """Log odds of the recording's own pairs: halves of tracklets are the same, people seen at once are different."""

    said_of_same: list[float]  # by READ alone
    said_of_different: list[float]
    made_of_same: list[float]  # as the engine takes them, once it has set them against these pairs
    made_of_different: list[float]

    @classmethod
    def of(cls, own: OwnPairs) -> "PairOdds":
        """As the engine found them."""
        columns = (own.said_of_same, own.said_of_different, own.made_of_same, own.made_of_different)
        return cls(*(column.round(2).tolist() for column in columns))


@dataclass(frozen=True)
class Correction:
    """Boxes that were told under an id that proved wrong."""

    frame: int  # in which it was told
    previous: int  # the id
    track: int  # that they have now; -1 for none
    first: int  # frame of the first of them
    last: int
    boxes: int


def corrections_of(frame: int, reassignments: Iterable[Reassignment]) -> list[Correction]:
    """What a frame's reassignments corrected, by both ids."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for late in reassignments:
        if late.previous_id > 0:
            pairs.setdefault((late.previous_id, late.track), []).append(late.frame)
    return [Correction(frame, *pair, min(own), max(own), len(own)) for pair, own in pairs.items()]


@dataclass
class Summary:
    """What one run did; seconds are totals over its frames."""

    frames: int = 0
    first_frame: int = 0  # of the source
    size: tuple[int, int] | None = None  # width and height of its images
    identities: int = 0
    reidentified: int = 0  # identities brought back by READ
    judged: int = 0  # other associations that READ decided
    seconds_detector: float = 0.0
    seconds_read: float = 0.0
    seconds_rest: float = 0.0  # association; neither drawing nor reading and writing video
    seconds_total: float = 0.0
    crops_encoded: int = 0
    pairs_compared: int = 0
    interrupted: bool = False
    own_pairs: PairOdds | None = None  # of a live run, in its last seconds
    boxes_corrected: int = 0  # of a live run
    corrections: list[Correction] = field(default_factory=list)  # the last ones
    dropped: list[dict[str, int | float | str]] = field(default_factory=list)  # who was found to be no person, and why

    def correct(self, frame: int, reassignments: Sequence[Reassignment]) -> None:
        """Note what a frame corrected."""
        found = corrections_of(frame, reassignments)
        self.boxes_corrected += sum(one.boxes for one in found)
        self.corrections = (self.corrections + found)[-CORRECTIONS:]

    def begin(self, frame: Frame) -> None:
        """Count a frame, and tell what the first one tells."""
        if not self.frames:
            self.first_frame = frame.index
            self.size = None if frame.image is None else (frame.image.shape[1], frame.image.shape[0])
        self.frames += 1


def dropped(people: People, linked: Linked) -> list[dict[str, int | float | str]]:
    """Who was found to be no person: id, probability of being one, what speaks most against it."""
    why = persons.reasons(linked.features)
    ids = np.unique(people.ids[people.dropped]).tolist()
    return [{"id": i, "probability": float(linked.probability[i - 1]), "why": why[i - 1]} for i in ids]
