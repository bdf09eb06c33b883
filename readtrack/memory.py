"""TrackletMemory: crops of people by identity, and whom new crops show. For programs that keep their own identities."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from readtrack.errors import InputError
from readtrack.read.matcher import Matcher
from readtrack.tracking.evidence import bounded, pool_log_odds, posterior
from readtrack.tracking.gallery import Gallery

if TYPE_CHECKING:
    from readtrack.read.crops import Source


@dataclass(frozen=True)
class Answer:
    """Who somebody is, among those who were asked about and "nobody of them"; all probabilities sum to 1."""

    identity: Hashable | None  # the likeliest; None where that is not likely enough
    probability: float  # of the likeliest, even so; 0 where nobody was asked about
    runner_up: float  # of the next, 0 without one
    nobody: float  # that it is somebody else
    probabilities: dict[Hashable, float]  # of each who was asked about, those remembered longest ago first


class TrackletMemory:
    """Keeps crops of people by identity and tells whom new crops show. The same calls give the same answers.

    Memory is bounded: by ``max_identities`` of ``gallery_size`` crops, and what the matcher remembers of them. A crop
    holds its pixels until it is first compared, then its features (12 KB of 96 channels at 8 x 4 places).

    Example:
        >>> memory = TrackletMemory(Matcher.load("read-s"))  # doctest: +SKIP
        >>> memory.remember("ann", ["ann1.jpg", "ann2.jpg"])  # doctest: +SKIP
        >>> memory.who(matcher.describe(image, detections)["crop"][:1]).identity  # "ann" or None  # doctest: +SKIP
    """

    def __init__(
        self, matcher: Matcher, match_probability: float = 0.9, gallery_size: int = 16, max_identities: int = 1000
    ) -> None:
        """Start empty.

        Args:
            matcher: READ; may be shared.
            match_probability: probability in [0, 1] from which somebody is the likeliest identity, else nobody known.
            gallery_size: crops kept of each, spread evenly over all that were given.
            max_identities: identities kept; beyond it the one is forgotten of whom crops came longest ago.

        Raises:
            InputError: one of them is out of range.
        """
        if not 0 <= match_probability <= 1:
            raise InputError(f"match_probability={match_probability}: must lie in [0, 1]")
        if gallery_size < 1 or max_identities < 1:
            raise InputError(f"gallery_size={gallery_size}, max_identities={max_identities}: both must be at least 1")
        self.matcher = matcher
        self.match_probability = match_probability
        self.gallery_size = gallery_size
        self.max_identities = max_identities
        self._people: OrderedDict[Hashable, Gallery] = OrderedDict()

    def remember(self, identity: Hashable, crops: "Source") -> None:
        """Add crops of a person, in the order of time, and start a new identity where it is unknown.

        Args:
            identity: a name or number; not None, which stands for nobody.
            crops: what ``Matcher.crops`` takes; what shows nothing is passed over.

        Raises:
            InputError: the identity is None, or as ``Matcher.crops``.
        """
        if identity is None:
            raise InputError("identity None: means nobody; give a name or a number")
        shown = [crop for crop in self.matcher.crops(crops) if crop is not None]
        if not shown:
            return
        gallery = self._people.setdefault(identity, Gallery(self.gallery_size))
        for crop in shown:
            gallery.offer(crop)
        self._people.move_to_end(identity)
        if len(self._people) > self.max_identities:
            self._people.popitem(last=False)

    def forget(self, identity: Hashable) -> None:
        """Drop a person; who is not known stays so."""
        self._people.pop(identity, None)

    def who(self, crops: "Source", among: Iterable[Hashable] | None = None) -> Answer:
        """Whom crops of one person show.

        READ's log odds are pooled over the crops (Eq. 3), one person at most is the right one, and
        beforehand it is as likely nobody as any of them: the tracker's arithmetic for those who come back.

        Args:
            crops: what ``Matcher.crops`` takes, all of one person; what shows nothing is passed over, and nobody is
                who shows nothing at all.
            among: the only identities to be considered; those not known are passed over. None: all.

        Raises:
            InputError: as ``Matcher.crops``.
        """
        wanted = None if among is None else set(among)
        people = {name: gallery for name, gallery in self._people.items() if wanted is None or name in wanted}
        shown = [crop for crop in self.matcher.crops(crops) if crop is not None]
        share = np.zeros(len(people))
        if shown and people:
            answer = self.matcher.log_odds(shown, [gallery.crops for gallery in people.values()])
            odds = np.array([pool_log_odds(of_one) for of_one in bounded(answer).T.tolist()])
            share = posterior(odds[None])[0]
        first, second = [*sorted(share.tolist(), reverse=True), 0.0, 0.0][:2]
        likeliest = list(people)[int(share.argmax())] if first > 0 and first >= self.match_probability else None
        probabilities = dict(zip(people, share.tolist(), strict=True))
        return Answer(likeliest, first, second, 1 - float(share.sum()), probabilities)

    def __len__(self) -> int:
        return len(self._people)

    def __contains__(self, identity: object) -> bool:
        return identity in self._people

    def __iter__(self) -> Iterator[Hashable]:
        """Identities, those first of whom crops came longest ago."""
        return iter(self._people)
