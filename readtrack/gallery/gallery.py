"""Gallery: people with crops, features, places and times on disk, and whom new crops show."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from readtrack.errors import InputError
from readtrack.gallery import entries, search
from readtrack.gallery.enrolment import Pictures, pictures_of
from readtrack.gallery.store import Entry, Person, Store
from readtrack.memory import Answer
from readtrack.read.matcher import Matcher

if TYPE_CHECKING:
    from readtrack.datasets import Tracklet
    from readtrack.read.crops import Source

SHORTLIST = 100  # tracklets that READ compares
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
            entries.check_matcher(matcher)
        self.store = Store(self.folder, matcher is not None, timeout)
        try:
            if matcher is not None and self.store.fact("weights") is None:
                with self.store.transaction():
                    if self.store.fact("weights") is None:  # nor from another process meanwhile
                        self.store.keep_fact("weights", matcher.digest)
            if matcher is not None:
                self.store.check_weights(self.needed().digest)
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
        name = entries.name_of(name)
        entry = entries.entry_of(self.needed(), entries.images_of(crops), source, seen)
        with self.store.transaction():
            self.store.check_weights(self.needed().digest)
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
        source = str(video) if source is None else source
        self.store.check_source(source)
        found = pictures_of(tracks, video, progress)
        if not found:
            raise InputError(f"{tracks}: shows nobody in {video}: give the tracks of this video")
        return self.enrol_tracks(found, source, began)

    def enrol_tracks(self, tracks: Sequence[Pictures], source: str, began: float | None = None) -> list[int]:
        """Make persons of tracks whose pictures are there, all of them or nobody.

        Args:
            tracks: such as ``Watch.tracks`` gives; at least one.
            source: where they were seen. Each source is enrolled once.
            began: when second 0 of their times was, in seconds since 1970 (UTC); None: everybody was seen now.

        Returns:
            Persons' numbers, in the order of the tracks; whoever has a name that is there is that person.

        Raises:
            InputError: nobody is shown, the source was enrolled before, or the gallery cannot be written.
        """
        self.store.check_source(source)
        if not tracks:
            raise InputError(f"{source}: nobody is shown: give tracks of at least one person")
        now, matcher = time.time(), self.needed()
        made: list[tuple[str | None, Entry]] = []
        for track in tracks:
            seen = (now, now) if began is None else (began + track.first, began + track.last)
            named = track.name is not None and not track.name.isdecimal()  # numbers would be taken for others' ids
            entry = entries.entry_of(matcher, track.images, source, seen, track.track)
            made.append((track.name if named else None, entry))
        numbers: list[int] = []
        with self.store.transaction():
            self.store.check_weights(self.needed().digest)
            self.store.check_source(source)
            for name, entry in made:
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
        matcher = self.needed()
        asked = int(who) if isinstance(who, int | np.integer) else matcher.crops(entries.shown(who))
        return search.find(self.store, matcher, asked, top, match_probability, shortlist)

    def merge(self, person: int, other: int) -> None:
        """Two are one person, who keeps the first number and name, and the other's name where there is no first.

        Raises:
            InputError: one is not there, or they are the same.
        """
        if person == other:
            raise InputError(f"{person} and {other} are one number: give two people")
        with self.store.transaction():
            self.store.check_person(person)
            self.store.check_person(other)
            self.store.move(person, other)

    def rename(self, person: int, name: str) -> None:
        """Give a person a name.

        Raises:
            InputError: nobody has that number, or the name is empty, a number or somebody else's.
        """
        given = entries.name_of(name)
        with self.store.transaction():
            self.store.check_person(person)
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
            self.store.check_person(person)
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
                self.store.check_person(person := int(word))
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
        entries.check_matcher(matcher)
        store = self.store
        with store.transaction():
            tracklets = store.index().tracklets.tolist()
            for start in range(0, len(tracklets), AT_ONCE):
                for tracklet, jpegs in store.jpegs(tracklets[start : start + AT_ONCE]).items():
                    images = [entries.image_of(jpeg) for jpeg in jpegs]
                    store.replace(tracklet, entries.encoded(matcher, images, jpegs, "", (0.0, 0.0)))
                if progress is not None:
                    progress(min(start + AT_ONCE, len(tracklets)), len(tracklets))
            store.keep_fact("weights", matcher.digest)
            store.keep_fact("encoded", str(time.time_ns()))  # by which others know that all vectors are new
        self.matcher = matcher
        store.wipe()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def needed(self) -> Matcher:
        """The matcher, for what looks at pictures. Raises InputError where there is none."""
        if self.matcher is None:
            raise InputError("opened without weights: give a matcher to add, enrol and find", "weights")
        return self.matcher
