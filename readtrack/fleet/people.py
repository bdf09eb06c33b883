"""People of all recordings in one gallery, linked over them."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from readtrack.files import replacing
from readtrack.fleet.candidates import Floats, Ints, Reach, Seen, candidates
from readtrack.fleet.linking import link_tracklets
from readtrack.gallery import Gallery
from readtrack.gallery.contents import appearances_of, entries_of, sights_of
from readtrack.gallery.search import kept_crops
from readtrack.gallery.store import Store
from readtrack.judging import pair_log_odds
from readtrack.linking.similarity import NEGATIVES, Clip, level
from readtrack.read.matcher import Matcher
from readtrack.tracking.evidence import worth

MOST = 12  # of those that resemble a tracklet READ compares
DRAWN = 20 * NEGATIVES  # pairs of one recording, of which those count who are seen at once
PAIRS_AT_ONCE = 2000  # that are judged while their features are in memory
COLUMNS = ("person", "name", "recording", "track", "began", "ended", "probability")


@dataclass(frozen=True)
class FleetLinking:
    """What linking did."""

    tracklets: int
    pairs: int  # that READ compared
    people: int  # in the end
    sure: dict[int, float]  # of each person, how sure the weakest link is that was made now


def absorb(gallery: Gallery, folders: Iterable[Path], report: Callable[[], None] = lambda: None) -> int:
    """Take over everybody of other galleries, each of which is one source, as a whole or not at all.

    Args:
        gallery: which takes them over, opened with weights; what it has of a source already is left as it is.
        folders: of the galleries of recordings.
        report: called after each.

    Returns:
        How many tracklets are new.

    Raises:
        InputError: a gallery is of other weights or damaged, or this one cannot be written.
    """
    added = 0
    for folder in folders:
        with Gallery(folder, gallery.matcher) as other, other.store.transaction(write=False):
            entries = entries_of(other.store)
            with gallery.store.transaction():
                for entry in [] if entries and gallery.store.has_source(entries[0].source) else entries:
                    gallery.store.add(gallery.store.add_person(None), entry)
                    added += 1
        report()
    return added


def link_gallery(
    gallery: Gallery,
    reach: Reach,
    untimed: Iterable[str] = (),
    most: int = MOST,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FleetLinking:
    """Find who of a gallery is one person, and merge them.

    Args:
        gallery: opened with weights.
        reach: who may be the same person.
        untimed: sources of which nobody knows when they were recorded.
        most: others that READ compares each tracklet with.
        progress: told how many pairs were judged, and of how many.

    Raises:
        InputError: the gallery is of other weights, or cannot be read or written.
    """
    matcher, store = gallery.needed(), gallery.store
    with store.transaction(write=False):
        store.check_weights(matcher.digest)
        index = store.index()
        sources, first, last = sights_of(store)
        names = {one.id: one.name for one in store.people()}
    _, recording = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    unknown = np.isin(np.array(sources, dtype=object).astype(str), list(untimed))
    times = (np.where(unknown, np.nan, values) for values in (first, last))
    seen = Seen(index.vectors, recording.astype(np.int64), *times)
    pairs = candidates(seen, reach, most)
    said, crops = judge(matcher, store, index.tracklets, *pairs, progress)
    apart = seen_at_once(seen.recording, first, last)
    different = judge(matcher, store, index.tracklets, *apart)[0]
    odds = (said + level(different[np.isfinite(different)])) * worth(crops)
    numbers, person = np.unique(index.persons, return_inverse=True)
    named = np.array([names.get(number) is not None for number in numbers.tolist()], dtype=bool)
    who, sure = link_tracklets(seen, reach, *pairs, odds, person.astype(np.int64), named)
    told: dict[int, float] = {}
    with store.transaction():
        there = {one.id for one in store.people()}
        for one, root, certain in zip(numbers.tolist(), numbers[who].tolist(), sure.tolist(), strict=True):
            if one != root and {one, root} <= there:  # whoever was forgotten meanwhile stays so
                store.move(root, one)
                told[root] = certain
        people = len(store.people())
    return FleetLinking(len(seen), len(odds), people, told)


def judge(
    matcher: Matcher,
    store: Store,
    tracklets: Ints,
    first: Ints,
    second: Ints,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Floats, Ints]:
    """READ's log odds of pairs (P,) of tracklets, both ways; who was forgotten meanwhile resembles nobody.

    Beside them the crops (P,) of that tracklet which has fewer.
    """
    odds, crops, ask = np.zeros(len(first)), np.ones(len(first), np.int64), pair_log_odds(matcher)
    progress(0, len(first))
    for start in range(0, len(first), PAIRS_AT_ONCE):
        rows = slice(start, start + PAIRS_AT_ONCE)
        used, place = np.unique(np.stack([first[rows], second[rows]]), return_inverse=True)
        with store.transaction(write=False):
            clips: list[Clip] = [kept_crops(matcher, store, [number]) for number in tracklets[used].tolist()]
        both = place.reshape(2, -1).T
        there = np.array([bool(clips[i]) and bool(clips[j]) for i, j in both.tolist()], dtype=bool)
        crops[rows] = np.maximum(np.array([len(clip) for clip in clips])[both].min(axis=1), 1)
        odds[rows][there] = ask(clips, both[there])
        odds[rows][~there] = -np.inf
        progress(min(start + PAIRS_AT_ONCE, len(first)), len(first))
    return odds, crops


def seen_at_once(recording: Ints, first: Floats, last: Floats) -> tuple[Ints, Ints]:
    """Some pairs of tracklets of one recording that are seen at the same time: surely two people, who set the level."""
    rng, order = np.random.default_rng(0), np.argsort(recording, kind="stable")
    start = np.searchsorted(recording[order], recording)
    count = np.bincount(recording)[recording] if len(recording) else recording
    one = rng.integers(0, max(len(recording), 1), DRAWN if len(recording) else 0)
    other = order[start[one] + rng.integers(0, count[one])]
    kept = (one < other) & (np.minimum(last[one], last[other]) > np.maximum(first[one], first[other]))
    pairs = np.unique(np.stack([one[kept], other[kept]]), axis=1)
    pairs = pairs[:, rng.permutation(pairs.shape[1])[:NEGATIVES]]
    return pairs[0], pairs[1]


def write_people(gallery: Gallery, path: Path, sources: Sequence[str], sure: dict[int, float]) -> int:
    """Write who was seen in which recording, under which id of its tracks.txt, as CSV; returns how many people.

    Where it is there already, people are as sure as their weakest link of then and now.

    Raises:
        InputError: it cannot be written, or the gallery cannot be read.
    """
    wanted, known = set(sources), _sure(path)
    for person, certain in sure.items():
        known[person] = min(certain, known.get(person, 1.0))
    with gallery.store.transaction(write=False):
        rows = [row for row in appearances_of(gallery.store) if row[2] in wanted]
    with replacing(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for person, name, *rest in rows:
            writer.writerow([person, name or "", *rest, f"{known.get(person, 1.0):.4f}"])
    return len({row[0] for row in rows})


def _sure(path: Path) -> dict[int, float]:
    """How sure each person of an earlier table is; nothing of a damaged one."""
    try:
        with path.open(newline="") as stream:
            return {int(row["person"]): float(row["probability"]) for row in csv.DictReader(stream)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
