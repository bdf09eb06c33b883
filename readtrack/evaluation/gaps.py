"""Experiment: people whose detections are taken away for a while, or who leave a synthetic street and come back."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from readtrack.errors import InputError
from readtrack.evaluation.absences import RETURNS, WINDOW, Plan, Presence, Tally, plan_absences, tally_absences
from readtrack.evaluation.peers import HostError
from readtrack.evaluation.peers.selection import TOGETHER, LeftOut, Selection, host_versions
from readtrack.evaluation.playback import Progress, counting, replay
from readtrack.evaluation.provenance import versions
from readtrack.evaluation.recordings import lost_frames
from readtrack.evaluation.settings import GAPS, GapSettings

DEFINITIONS = """All detections of a window are taken away, or one person's (who: one, each in turn), and the tracker
runs on the whole rest. A detection or a tracked box is whom it overlaps by an IoU of 0.5 or more, one to one.
  recall     of the people present before and after, the share whose id is the same: the one that most of their boxes
             have in the 25 frames before and after. Present is who is detected in at least 5 of the 25, on the
             whole detections: the same people for every tracker. Whoever has no id counts as lost.
  without gap  the same people, ids and frames when nothing is taken away: what tracking loses without a gap.
  precision  of the ids after the gap that had been somebody's before it, the share that belong to the same person: who
             had the id in most of its last 25 boxes before the gap. Whoever is present after the gap is asked; with
             who: one the person taken away, and whoever else has that person's id.
  delay      frames from the first detection after the gap until the id was reported, the median of who came
             back; ids of earlier boxes that are filled in count when they are reported.
  returns    of synthetic streets: everybody out of sight for more than 15 frames who comes back; precision is of the
             ids that arrivals get, new people's too, and that had been somebody's before."""


@dataclass(frozen=True)
class GapScores:
    """One tracker, one gap, one source or all of them; counts of people or claims, shares in [0, 1] or None of none."""

    source: str
    gap: str  # frames, or "returns"
    tracker: str
    asked: int
    back: int
    recall: float | None
    claims: int
    right: int
    precision: float | None
    delay: float | None  # frames, the median
    without_gap: int | None  # of those asked, who keep their id without a gap; None on the street


@dataclass(frozen=True)
class GapReport:
    """All that was found, in the order in which it is written as JSON."""

    settings: dict[str, Any]
    definitions: str
    left_out: list[LeftOut]
    too_short: dict[str, list[int]]  # source -> gaps that it has no place for
    rows: list[GapScores]
    lost: dict[str, int]  # frames of recordings that could not be decoded
    versions: dict[str, str]


def evaluate_gaps(settings: GapSettings, progress: Progress = lambda done, total: None) -> GapReport:
    """Take detections away and see who comes back.

    Args:
        settings: from what, and who tracks.
        progress: told how many frames of all runs are done, and of how many, once all sources proved readable.

    Raises:
        InputError: settings, networks or sources cannot be used, or nothing can be asked.
    """
    settings, one = replace(settings, gap=settings.gap or GAPS), settings.who == "one"
    selection = Selection(settings)
    total, plans, presences = 0, {}, {}
    tallies: dict[tuple[str, str, str], Tally] = {}  # source, gap, tracker
    with ExitStack() as stack:
        recordings = {source: stack.enter_context(selection.open(source)) for source in settings.source}
        for source, recording in recordings.items():
            presences[source] = Presence(recording)
            plans[source] = plan_absences(recording, presences[source], settings.gap, settings.places, one)
            runs = 1 if RETURNS in plans[source] else 1 + sum(map(len, plans[source].values()))
            total += (recording.total or 0) * len(selection.able(recording)) * runs
        if not any(absence.people for plan in plans.values() for absences in plan.values() for absence in absences):
            raise InputError(
                f"{', '.join(settings.source)}: nobody is there {WINDOW} frames before and after a gap: give a shorter "
                "one, or longer sequences",
                parameter="gap",
            )
        step = counting(progress, total)
        for source, recording in recordings.items():
            selection.note_unable(recording)
            for name in selection.able(recording):
                try:
                    make = partial(selection.make, name, recording)
                    whole = replay(make(), recording, report=step)
                    found = tally_absences(make, whole, recording, presences[source], plans[source], one, step)
                except (HostError, InputError) as error:
                    selection.left_out.append(LeftOut(recording.name, name, str(error)))
                    continue
                tallies |= {(source, gap, name): tally for gap, tally in found.items()}
        lost = lost_frames(recordings.values())
    return GapReport(
        settings=asdict(settings),
        definitions=DEFINITIONS,
        left_out=selection.left_out,
        too_short=_too_short(plans, settings),
        rows=_rows(tallies, settings),
        lost=lost,
        versions={**versions(), **host_versions()},
    )


def _too_short(plans: dict[str, Plan], settings: GapSettings) -> dict[str, list[int]]:
    """The gaps that do not fit into a source, or around which nobody is there."""
    sequences = {Path(source).name: plan for source, plan in plans.items() if RETURNS not in plan}
    missing = {name: [gap for gap in settings.gap if str(gap) not in plan] for name, plan in sequences.items()}
    return {name: gaps for name, gaps in missing.items() if gaps}


def _rows(tallies: dict[tuple[str, str, str], Tally], settings: GapSettings) -> list[GapScores]:
    """By source, gap and tracker; and of more than one source all together, for those who were on all with the gap."""
    found = [_scores(Path(source).name, gap, name, tally) for (source, gap, name), tally in tallies.items()]
    sources_in_order = [Path(source).name for source in settings.source]
    gaps_in_order = [*map(str, settings.gap), RETURNS]
    found.sort(key=lambda row: (sources_in_order.index(row.source), gaps_in_order.index(row.gap)))
    sources = {gap: {s for s, g, _ in tallies if g == gap} for _, gap, _ in tallies}
    for gap, where in sources.items():
        for name in dict.fromkeys(name for _, g, name in tallies if g == gap):
            if len(where) > 1 and all((source, gap, name) in tallies for source in where):
                together = Tally()
                for source in settings.source:
                    together += tallies.get((source, gap, name), Tally())
                found.append(_scores(TOGETHER, gap, name, together))
    return found


def _scores(source: str, gap: str, name: str, tally: Tally) -> GapScores:
    return GapScores(
        source=source,
        gap=gap,
        tracker=name,
        asked=tally.asked,
        back=tally.back,
        recall=tally.back / tally.asked if tally.asked else None,
        claims=tally.claims,
        right=tally.right,
        precision=tally.right / tally.claims if tally.claims else None,
        delay=float(median(tally.delays)) if tally.delays else None,
        without_gap=None if gap == RETURNS else tally.without_gap,
    )
