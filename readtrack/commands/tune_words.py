"""What readtrack tune found, in words."""

import math
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from readtrack.commands.opening import PeopleSettings
from readtrack.commands.settings_file import as_words
from readtrack.tracking.config import TrackerConfig

CLOSE = 0.001  # IDF1 below which a difference is none
PERCENT = 100


def told_of_search(found: dict[str, Any]) -> list[str]:
    """A search against a ground truth, line by line."""
    search, single = found["search"], found["recordings"] == 1
    lines = [f"{'IDF1':34}{'default':>9}{'held out':>10}"]
    for part in search["parts"]:
        held = f"{_points(part['held_out']):>10}" if search["held_out"] is not None else ""
        lines.append(f"{PurePath(part['name']).name:34}{_points(part['default']):>9}{held}")
    tuned = " ".join(f"{name}={value:g}" for name, value in search["settings"].items()) or "the defaults"
    lines += [
        "",
        f"Best of {search['trials']} on all of it: {tuned}.",
        f"IDF1 {_points(search['default'])} by the defaults, {_points(search['tuned'])} by these, where chosen.",
    ]
    if single:
        lines.append(
            "There is one recording, so nothing could be held out but its halves in time, whose people and camera are "
            "the same: what lasts from one half to the other may still be this recording's alone."
        )
    return [*lines, *_luck(search)]


def _luck(search: dict[str, Any]) -> list[str]:
    """How much of a gain is luck."""
    gain, lasting = search["gain"], search["lasting"]
    if search["held_out"] is None:
        return [f"Nothing was held out, so nobody can say how much of the {_points(gain)} points is luck: all may be."]
    if gain < CLOSE:
        return ["No setting that was tried beats the defaults: keep them."]
    where = "where they were not chosen"
    if lasting <= 0:
        lines = [
            f"Of the {_points(gain)} points nothing is left {where} ({_points(lasting)}): luck. Keep the defaults."
        ]
    else:
        share = max(0.0, 1 - lasting / gain)
        lines = [
            f"Of the {_points(gain)} points {_points(lasting)} are left {where}; the rest, {_share(share)}, was luck."
        ]
    if search["low"] is not None:
        span = f"{_points(search['low'])} to {_points(search['high'])} points"
        doubt = "other recordings might as well lose" if search["low"] <= 0 else "it should hold on others like them"
        lines.append(f"With other recordings like these it would be {span} (90 % of a bootstrap over them): {doubt}.")
    else:
        lines.append("There are too few recordings to say how far that would go on others.")
    near = search["neighbours"]
    if near:
        mean, low = sum(near) / len(near), min(near)
        peak = ", a peak that is hit by luck" if search["tuned"] - mean > gain / 2 else ""
        lines.append(f"One step beside the best, IDF1 is {_points(mean)} on average and {_points(low)} at worst{peak}.")
    return lines


def told_of_check(one: dict[str, Any]) -> list[str]:
    """A self-check, line by line."""
    lines = [
        f"{PurePath(one['name']).name}: {one['people']} people; {one['same']} pairs surely the same (halves of "
        f"unbroken tracks), {one['different']} surely different (seen at once)",
    ]
    if not one["same"] or not one["different"]:
        return [*lines, "Without pairs of both kinds nothing can be said; longer footage with more people has them."]
    lines += [
        f"READ finds a true pair likelier than a wrong one in {_points(one['auc'])} % of cases "
        f"({_points(one['auc_low'])} to {_points(one['auc_high'])}); over 50 %: {_share(one['true_over'])} of true, "
        f"{_share(one['wrong_over'])} of wrong pairs; after the engine set it against them {_share(one['true_made'])} "
        f"and {_share(one['wrong_made'])}",
    ]
    for row in one["halves"]:
        till = "more" if math.isinf(row["high"]) else f"{row['high']:g} s"
        lines.append(
            f"  halves {row['low']:g} s to {till} apart: {row['pairs']:4} pairs, AUC {row['auc']:.3f}, "
            f"over 50 %: {_share(row['over_half'])}"
        )
    lines.append("by looks alone, once somebody has been away:")
    for row in one["away"]:
        lines.append(
            f"  {row['seconds']:5g} s: {_share(row['true']):>6} of true pairs still convince, and so would "
            f"{row['mistaken']:.1f} of {max(one['people'] - 1, 0)} others"
        )
    return [*lines, *_follows(one)]


def _follows(one: dict[str, Any]) -> list[str]:
    """Which settings follow from a self-check."""
    flattery = "These pairs flatter: their halves are seconds apart, in one light. Real returns are harder."
    if one["verdict"] == "too few":
        return ["That is too few pairs to draw on: keep the defaults."]
    if one["verdict"] == "alike":
        return [
            "People here look too much alike for READ: a return would be mistaken more often than known. Keep absences "
            f"short ({as_words(one['settings'])[0]}), or go by motion alone (--weights none).",
        ]
    longest = one["settings"]["max_age"]
    usual = " (the default)" if longest == TrackerConfig.max_age else ""
    rivals = [row["seconds"] for row in one["away"] if row["mistaken"] > row["true"]]
    lines = [
        "READ tells these people apart. Its level is set by such pairs in every run, so that needs no setting.",
        f"At least half of them would be known again after up to {longest:g} s, more often than others are taken for "
        f"them: {as_words(one['settings'])[0]}{usual}. Longer would bring back few.",
    ]
    if rivals:
        away = f"up to {max(rivals):g} s" if max(rivals) else "for a moment"
        lines.append(f"Of who is away {away} looks alone would rather mistake somebody: there motion has to tell.")
    return [*lines, flattery]


def command_line(source: Sequence[str], weights: str, people: PeopleSettings, found: dict[str, Any]) -> str:
    """How to track with what was found."""
    words = ["readtrack", "track", source[0]]
    for name in ("detector", "detections", "cache"):
        value = getattr(people, name)
        words += [] if value is None else [f"--{name}", str(value)]
    words += [] if weights == "read-s" else ["--weights", weights]
    return shlex.join([*words, *as_words(found["settings"])])


def _points(share: float) -> str:
    """A share in per cent."""
    return f"{PERCENT * share:.1f}"


def _share(share: float) -> str:
    """A share in per cent, with its sign."""
    return f"{PERCENT * share:.0f} %"
