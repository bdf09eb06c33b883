"""Decisions of READ in pictures."""

import base64
from dataclasses import dataclass

from readtrack.report.people import SURE, Shown, as_shown
from readtrack.results import COMPARED, Comparison, Decision, Picture

MARKED = ("reidentified", "swapped", "split")  # decisions that are marked however sure they are
CLIP = 4  # pictures that stand for a tracklet


@dataclass(frozen=True)
class Case:
    """A decision of READ in pictures."""

    decision: Decision
    seconds: float
    pair: float | None  # probability of this crop and this tracklet alone
    crop: Shown
    tracklet: list[Shown]
    overlays: list[str]  # one for each of the tracklet, empty without one


def with_pictures(
    cases: list[Case], decisions: dict[int, list[Decision]], pictures: dict[int, list[Picture]], fps: float
) -> list[Case]:
    """These cases, and up to ``COMPARED`` others that are doubtful or returns, by people's pictures around them."""
    shown = {(case.decision.frame, case.decision.track) for case in cases}
    others = [one for own in decisions.values() for one in own if (one.frame, one.track) not in shown]
    others = [one for one in others if one.probability < SURE or one.reason in MARKED]
    for one in sorted(others, key=lambda one: one.probability)[: max(0, COMPARED - len(cases))]:
        own = pictures.get(one.track, [])
        before = [as_shown(each, fps) for each in own if each.frame < one.frame][-CLIP:]
        after = [as_shown(each, fps) for each in own if each.frame >= one.frame]
        if before and after:
            cases.append(Case(one, one.frame / fps, None, after[0], before, [""] * len(before)))
    return sorted(cases, key=lambda case: case.decision.probability)


def cases_of(comparisons: list[Comparison], found: list[Decision], decisions: list[Decision], fps: float) -> list[Case]:
    """Decisions whose pictures were all taken, the most doubtful first; ``found`` are they as the run found them."""
    told: dict[tuple[int, int], Decision] = {}
    for before, one in zip(found, decisions, strict=True):
        key = (before.frame, before.track)
        if key not in told or one.boxes > told[key].boxes:  # several links may fall on one frame
            told[key] = one
    cases = []
    for shown in comparisons:
        decision = told.get((shown.frame, shown.track))
        if decision is None or decision.track <= 0 or 0 not in shown.pictures or len(shown.pictures) < 2:
            continue
        places = sorted(shown.pictures)[1:]
        cases.append(
            Case(
                decision=decision,
                seconds=shown.frame / fps,
                pair=shown.probability if decision.detection < 0 else None,
                crop=as_shown(shown.pictures[0], fps),
                tracklet=[as_shown(shown.pictures[place], fps) for place in places],
                overlays=[base64.b64encode(shown.overlays.get(i, b"")).decode() for i in places],
            )
        )
    return sorted(cases, key=lambda case: case.decision.probability)
