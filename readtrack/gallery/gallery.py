"""Gallery: people with crops, features, places and times on disk, and whom new crops show."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError
from readtrack.gallery.store import Entry, Index, Person, Store
from readtrack.gathering import CROPS
from readtrack.images import Image, check_image, read_image, resize
from readtrack.memory import Answer
from readtrack.read.crops import Crop, listed, spread_positions
from readtrack.read.matcher import Matcher
from readtrack.tracking.evidence import bounded, pool_log_odds, posterior

if TYPE_CHECKING:
    from readtrack.datasets import Tracklet
    from readtrack.read.crops import Source

SHORTLIST = 100  # tracklets that READ compares
HIGHEST = 256  # pixels of a kept picture: as much as any weights look at
QUALITY = 90  # of its JPEG
AT_ONCE = 64  # tracklets that are encoded anew together
DAY = 86400.0  # seconds


class Gallery:
    """People on disk, over videos, cameras and days; whoever is forgotten is gone for good.

    A folder with one SQLite file. Each call is done as a whole or not at all, so that a crash, a full disk or a kill
    leaves what was there before; other processes may read and write meanwhile. Use it in the thread that opened it.

    Example:
        >>> with Gallery("people", Matcher.load("read-s")) as gallery:  # doctest: +SKIP
        ...     ann = gallery.add(["ann1.jpg", "ann2.jpg"], source="door", name="ann")
        ...     gallery.enrol("runs/hall", "hall.mp4")
        ...     gallery.find(["somebody.jpg"]).identity  # a person's number, or None
    """

    def __init__(self, folder: str | Path, matcher: Matcher | None = None, timeout: float = 10.0) -> None:
        """Open a gallery, or make it where there is none.

        Args:
            folder: where it lies.
            matcher: READ. None opens a gallery that is there without looking at pictures: neither ``add`` nor
                ``enrol`` nor ``find``.
            timeout: seconds to wait for another process that writes.

        Raises:
            InputError: it was made with other weights, is damaged or cannot be written; or the weights have a video
                net of their own, so that features alone do not serve.
        """
        self.folder, self.matcher = Path(folder), matcher
        if matcher is not None:
            _check(matcher)
        self.store = Store(self.folder, matcher is not None, timeout)
        try:
            if matcher is not None and self.store.fact("weights") is None:
                with self.store.transaction():
                    if self.store.fact("weights") is None:  # nor from another process meanwhile
                        self.store.keep_fact("weights", matcher.digest)
            if matcher is not None:
                self._check_weights()
        except BaseException:
            self.close()
            raise

    def add(
        self,
        crops: "Source | Tracklet",
        source: str,
        seen: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> int:
        """Keep a person's tracklet: features and pictures of up to 4 crops, evenly spread.

        Args:
            crops: images, files, or crops that were not compared yet, of one person in the order of time; or a
                tracklet of a data set. What shows nothing is passed over.
            source: where they were seen, such as a camera's name.
            seen: when, from and to, in seconds since 1970 (UTC); None is now.
            name: of the person; whoever has that name already gets the tracklet. None is somebody new.

        Returns:
            The person's number.

        Raises:
            InputError: as ``Matcher.crops``; nothing is shown, ``seen`` is not in order, the name is empty or a
                number, or the gallery cannot be written.
        """
        name = _name(name)
        entry = self._entry(_images(crops), source, _times(seen))
        with self.store.transaction():
            self._check_weights()
            person = None if name is None else self.store.person_of(name)
            if person is None:
                person = self.store.add_person(name)
            self.store.add(person, entry)
        return person

    def enrol(
        self,
        tracks: str | Path,
        video: str | Path,
        source: str | None = None,
        began: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[int]:
        """Make persons of all tracks of a run's folder, or of any tracker's MOTChallenge file, with names where given.

        Args:
            tracks: the folder or file.
            video: what was tracked, for the pixels.
            source: where they were seen; None is ``video`` as given. Each source is enrolled once.
            began: when its first frame was seen, in seconds since 1970 (UTC); None: everybody was seen now.
            progress: told frames done and their number.

        Returns:
            Persons' numbers; who has a name that somebody in the gallery has is that person.

        Raises:
            InputError: the tracks or the video cannot be read or do not belong together, nobody is shown, the source
                was enrolled before, or the gallery cannot be written. Then nobody is enrolled.
        """
        from readtrack.gallery.enrolment import pictures_of

        source = str(video) if source is None else source
        self._refuse_again(source)
        now = time.time()
        entries: list[tuple[str | None, Entry]] = []
        for track in pictures_of(tracks, video, progress):
            seen = (now, now) if began is None else (began + track.first, began + track.last)
            named = track.name is not None and not track.name.isdecimal()  # numbers would be taken for others' ids
            entries.append((track.name if named else None, self._entry(track.images, source, _times(seen))))
        if not entries:
            raise InputError(f"{tracks}: shows nobody in {video}: give the tracks of this video")
        numbers: list[int] = []
        with self.store.transaction():
            self._check_weights()
            self._refuse_again(source)
            for name, entry in entries:
                known = None if name is None else self.store.person_of(name)
                numbers.append(self.store.add_person(name) if known is None else known)
                self.store.add(numbers[-1], entry)
        return numbers

    def find(
        self, who: "Source | Tracklet | int", top: int = 10, match_probability: float = 0.9, shortlist: int = SHORTLIST
    ) -> Answer:
        """Whom crops show, or who else could be a person of the gallery.

        The nearest tracklets by pooled vectors are compared by READ; a person counts by the likeliest tracklet.
        Beforehand it is as likely nobody as any of all people of the gallery, as in ``TrackletMemory``, so that in a
        large gallery one crop seldom is enough for a name.

        Args:
            who: what ``add`` takes, of one person, of which 4 crops count; or a person's number, who then is not
                among those asked about.
            top: people to name.
            match_probability: probability in [0, 1] from which somebody is the likeliest identity, else nobody known.
            shortlist: tracklets that READ compares.

        Returns:
            Persons' numbers with probabilities, the likeliest first; ``nobody`` is that it is none of these, so that
            all sum to 1.

        Raises:
            InputError: as ``Matcher.crops``; no such person, a setting is out of range, or the gallery cannot be read.
        """
        if top < 1 or shortlist < 1 or not 0 <= match_probability <= 1:
            raise InputError(
                f"top={top}, shortlist={shortlist}, match_probability={match_probability}: the first two must be at "
                "least 1, the last must lie in [0, 1]"
            )
        matcher = self._needed()
        own = int(who) if isinstance(who, int | np.integer) else None
        asked = [] if isinstance(who, int | np.integer) else matcher.crops(_shown(who))
        with self.store.transaction(write=False):
            self._check_weights()
            if own is not None:
                self._check_person(own)
                asked = _some([crop for clip in self._clips(self._tracklets(own)) for crop in clip])
            index = self.store.index()
            query = _mean(matcher.vectors(asked)) if asked else None
            rows = np.zeros(0, dtype=np.int64) if query is None else _nearest(index, query, shortlist, own)
            clips = self._clips(index.tracklets[rows].tolist())
        people = len(np.setdiff1d(index.persons, [-1 if own is None else own]))
        if not len(rows):
            return Answer(None, 0.0, 0.0, 1.0, {})
        answer = bounded(matcher.log_odds(asked, clips))  # (n, M)
        best: dict[int, float] = {}
        for person, odds in zip(index.persons[rows].tolist(), answer.T.tolist(), strict=True):
            best[person] = max(best.get(person, -np.inf), pool_log_odds(odds))
        return _answer(best, people, top, match_probability)

    def merge(self, person: int, other: int) -> None:
        """Two are one person, who keeps the first number and name, and the other's name where there is no first.

        Raises:
            InputError: one is not there, or they are the same.
        """
        if person == other:
            raise InputError(f"{person} and {other} are one number: give two people")
        with self.store.transaction():
            self._check_person(person)
            self._check_person(other)
            self.store.move(person, other)

    def rename(self, person: int, name: str) -> None:
        """Give a person a name.

        Raises:
            InputError: nobody has that number, or the name is empty, a number or somebody else's.
        """
        given = _name(name)
        with self.store.transaction():
            self._check_person(person)
            known = None if given is None else self.store.person_of(given)
            if known not in (None, person):
                raise InputError(f"{given!r} is person {known} already: merge the two, or give another name")
            self.store.rename(person, given)

    def forget(self, person: int) -> None:
        """Forget a person for good: name, times, features and pictures are overwritten in the files.

        Raises:
            InputError: nobody has that number, or another process has the gallery in use for too long: then the
                person is forgotten, but traces stay in the files until all have closed it.
        """
        with self.store.transaction():
            self._check_person(person)
            self.store.delete(person)
        self.store.wipe()

    def expire(self, days: float) -> tuple[int, int]:
        """Forget, in the same way, tracklets that ended so many days ago, and people who have none left.

        Returns:
            How many tracklets and people.

        Raises:
            InputError: ``days`` is negative or no number, or as ``forget``.
        """
        if not 0 <= days < math.inf:
            raise InputError(f"days={days}: give a number of days, 0 or more", "days")
        with self.store.transaction():
            gone = self.store.delete_before(time.time() - days * DAY)
        self.store.wipe()
        return gone

    def people(self) -> list[Person]:
        """Everybody, by number."""
        with self.store.transaction(write=False):
            return self.store.people()

    def person(self, word: str) -> int:
        """The number of somebody who is called by name or number.

        Raises:
            InputError: nobody is.
        """
        with self.store.transaction(write=False):
            person = self.store.person_of(word)
            if person is None and not word.isdecimal():
                raise InputError(f"{word!r} is nobody in the gallery: give a number or a name that `list` shows")
            if person is None:
                self._check_person(person := int(word))
        return person

    def reencode(self, matcher: Matcher, progress: Callable[[int, int], None] | None = None) -> None:
        """Make all features anew by other weights, of the pictures that the gallery keeps, and go on with these.

        Others cannot write meanwhile. Stopped on the way, it leaves the gallery as it was.

        Args:
            matcher: the other weights; the gallery may have been opened without any.
            progress: told tracklets done and their number.

        Raises:
            InputError: such weights do not serve, or the gallery cannot be written.
        """
        _check(matcher)
        before, self.matcher, store = self.matcher, matcher, self.store
        try:
            with store.transaction():
                store.keep_fact("weights", matcher.digest)
                tracklets = store.index().tracklets.tolist()
                for start in range(0, len(tracklets), AT_ONCE):
                    for tracklet, jpegs in store.jpegs(tracklets[start : start + AT_ONCE]).items():
                        images = [_unpacked(jpeg) for jpeg in jpegs]
                        store.replace(tracklet, self._encoded(images, jpegs, "", (0.0, 0.0)))
                    if progress is not None:
                        progress(min(start + AT_ONCE, len(tracklets)), len(tracklets))
        except BaseException:
            self.matcher = before
            raise
        store.wipe()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _needed(self) -> Matcher:
        """The matcher, for what looks at pictures."""
        if self.matcher is None:
            raise InputError("opened without weights: give a matcher to add, enrol and find", "weights")
        return self.matcher

    def _check_weights(self) -> None:
        """Raise InputError where features are of other weights than the matcher's."""
        if self.store.fact("weights") != self._needed().digest:
            raise InputError(
                f"{self.folder}: was made with other weights: use those, or `readtrack gallery {self.folder} reencode` "
                "to make its features anew from the pictures that it keeps",
                "weights",
            )

    def _check_person(self, person: int) -> None:
        """Raise InputError where nobody has that number."""
        if not self.store.has(int(person)):
            raise InputError(f"nobody in the gallery has the number {person}: give one that `list` shows")

    def _refuse_again(self, source: str) -> None:
        """Raise InputError where a source is in the gallery."""
        if self.store.has_source(source):
            raise InputError(
                f"{source}: is in the gallery already: forget its people first, or give another source", "source"
            )

    def _tracklets(self, person: int) -> list[int]:
        """A person's."""
        index = self.store.index()
        return [int(tracklet) for tracklet in index.tracklets[index.persons == person]]

    def _clips(self, tracklets: Sequence[int]) -> list[list[Crop]]:
        """Crops of tracklets, of their features."""
        matcher = self._needed()
        shape = (matcher.config.positions, matcher.config.channels)
        found = self.store.features(tracklets)
        return [
            matcher.restored([np.frombuffer(blob, "<f2").reshape(shape) for blob in found[tracklet]])
            for tracklet in tracklets
        ]

    def _entry(self, images: Sequence[Image], source: str, seen: tuple[float, float]) -> Entry:
        """What is kept of a tracklet."""
        if not str(source).strip():
            raise InputError("the source is empty: say where the person was seen", "source")
        return self._encoded(images, [_jpeg(image) for image in images], source, seen)

    def _encoded(self, images: Sequence[Image], jpegs: list[bytes], source: str, seen: tuple[float, float]) -> Entry:
        """The same of pictures that are chosen and packed."""
        matcher = self._needed()
        crops = matcher.crops(images)
        return Entry(source, *seen, _mean(matcher.vectors(crops)), matcher.features(crops), jpegs)


def _check(matcher: Matcher) -> None:
    """Raise InputError for weights by which nothing can be kept."""
    if not matcher.config.shared_encoder:
        raise InputError("a gallery needs weights with one encoder for stills and clips, such as read-s", "weights")
    if not matcher.digest:
        raise InputError("these weights do not say which they are: export them again, or give their file", "weights")


def _shown(source: "Source | Tracklet") -> list[Any]:
    """Those of one person that are looked at: evenly spread, without what shows nothing; nothing is read yet."""
    return _some([shown for shown in listed(getattr(source, "paths", source)) if shown is not None])


def _images(source: "Source | Tracklet") -> list[Image]:
    """BGR images of these."""
    images = []
    for number, shown in enumerate(_shown(source)):
        if isinstance(shown, Crop):
            if shown.pixels is None:
                raise InputError("a crop has no pixels any more: add crops before they are compared, or their images")
            shown = np.ascontiguousarray(shown.pixels[..., ::-1])
        elif isinstance(shown, str | Path):
            shown = read_image(shown)
        check_image(shown, f"image {number}")
        if not shown.size:
            raise InputError(f"image {number}: empty, of shape {shown.shape}; leave it out")
        images.append(shown)
    if not images:
        raise InputError("nobody is shown: give at least one crop")
    return images


def _some(values: Sequence[Any]) -> list[Any]:
    """At most ``CROPS`` of them, evenly spread."""
    return [values[place] for place in spread_positions(len(values), min(CROPS, len(values)))]


def _jpeg(image: Image) -> bytes:
    """A picture as a file, not higher than ``HIGHEST``."""
    height, width = image.shape[:2]
    if height > HIGHEST:
        image = resize(image, HIGHEST, max(1, round(width * HIGHEST / height)))
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def _unpacked(jpeg: bytes) -> Image:
    """The picture of a file."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def _name(name: str | None) -> str | None:
    """A name that can be told from a number."""
    if name is None:
        return None
    if not name.strip() or name.strip().isdecimal():
        raise InputError(f"name {name!r}: give a word, which numbers are not", "name")
    return name.strip()


def _times(seen: tuple[float, float] | None) -> tuple[float, float]:
    """From and to, in order and finite."""
    first, last = (time.time(),) * 2 if seen is None else seen
    if not -math.inf < first <= last < math.inf:
        raise InputError(f"seen={seen}: give from and to in seconds since 1970, in that order", "seen")
    return float(first), float(last)


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean direction (D,) of unit vectors (N, D)."""
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def _nearest(index: Index, query: NDArray[np.float32], most: int, without: int | None) -> NDArray[np.int64]:
    """Rows of the tracklets nearest to a vector (D,), nearest first, of equals the oldest; none of one person."""
    if not len(index.tracklets):
        return np.zeros(0, dtype=np.int64)
    likeness = index.vectors @ query
    if without is not None:
        likeness[index.persons == without] = -np.inf
    count = min(most, int(np.isfinite(likeness).sum()))
    if not count:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(likeness, -count)[-count]
    rows = np.flatnonzero(likeness >= least)
    return np.asarray(rows[np.argsort(-likeness[rows], kind="stable")][:count], dtype=np.int64)


def _answer(odds: dict[int, float], people: int, top: int, match_probability: float) -> Answer:
    """The answer of pooled log odds by person, among so many people of whom the others are impossible."""
    others = np.full(people - len(odds), -1e9)
    share = posterior(np.concatenate([list(odds.values()), others])[None])[0][: len(odds)]
    order = np.argsort(-share, kind="stable")[:top]
    numbers = list(odds)
    probabilities = {numbers[place]: float(share[place]) for place in order.tolist()}
    first, second = [*probabilities.values(), 0.0, 0.0][:2]
    likeliest = next(iter(probabilities)) if first > 0 and first >= match_probability else None
    return Answer(likeliest, first, second, 1 - sum(probabilities.values()), probabilities)
