"""Whom READ brought back, rightly and wrongly, with its probabilities: a picture beside the truth.

Run: python demos/decisions.py [street:7 | MOT sequence] [--out decisions.png]
"""

import argparse
from collections import Counter, defaultdict

import numpy as np

from readtrack import ReadTracker, TrackerConfig, boxes
from readtrack.evaluation.charts import Confusion, confusion_sheet
from readtrack.evaluation.recordings import STREET, label, open_recording
from readtrack.pipeline import Steps

MOST = 3  # rows of either kind


def main(source: str = STREET, out: str = "decisions.png", frames: int | None = None) -> None:
    rows: dict[str, list[Confusion]] = {"identity saved": [], "wrong link": []}
    owners, looks = defaultdict(list), defaultdict(list)  # id -> who it was, and how they looked, box by box
    with open_recording(source, frames=frames) as clip:
        tracker = ReadTracker("read-s", TrackerConfig(fps=clip.fps))
        for step in Steps(clip.frames, lambda frame: clip.detections(frame.index), tracker):
            frame, found, ids = step.frame, step.detections, step.people.tracker_id
            who = label(found, clip.truth(frame.index))
            corners = found.xyxy.round().astype(int).clip(0)
            crops = [frame.image[top:bottom, left:right].copy() for left, top, right, bottom in corners]
            for link in step.associations:
                earlier, rows_of = looks[link.track], np.flatnonzero(ids == link.track)
                if link.reason != "reidentified" or not earlier or not len(rows_of) or who[rows_of[0]] < 0:
                    continue
                person = who[rows_of[0]]
                owner = Counter(owners[link.track][-25:]).most_common(1)[0][0]
                kind = "identity saved" if owner == person else "wrong link"
                clip_of_four = [earlier[i] for i in np.linspace(0, len(earlier) - 1, 4).astype(int)]
                lines = [f"probability {link.probability:.3f}", f"best of the others {link.runner_up:.3f}"]
                lines += [f"frame {frame.index}, id {link.track}", f"unseen for {link.gap} frames"]
                rows[kind].append(Confusion(crops[rows_of[0]], clip_of_four, lines))
                print(f"{kind}: {', '.join(lines)}")
            for i in np.flatnonzero((ids > 0) & (who >= 0)):
                owners[ids[i]].append(who[i])
                if not boxes.truncated(found.xyxy[[i]], frame.image.shape[1::-1])[0] and crops[i].size:
                    looks[ids[i]].append(crops[i])
    counts = ", ".join(f"{kind}: {len(found)}" for kind, found in rows.items())
    sheet = confusion_sheet({kind: found[:MOST] for kind, found in rows.items()}, f"{source}: {counts}")
    sheet.savefig(out, dpi=150)
    print(f"{counts}; written to {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "source", nargs="?", default=STREET, help="synthetic street, or a MOT sequence with gt/ and det/"
    )
    parser.add_argument("--out", default="decisions.png", help="PNG to write")
    main(**vars(parser.parse_args()))
