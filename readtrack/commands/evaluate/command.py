"""The command line: one word picks what is scored."""

import importlib
import sys

from readtrack.commands.console import INPUT_ERROR

TASKS = {
    "reid": "image-to-video re-identification on a data set: CMC and mAP",
    "openset": "searches in a gallery that knows some of the people: who is found, who is taken for somebody",
    "longgap": "people known again after some seconds in a recording",
    "mot": "any tracker's MOTChallenge files against the truth: HOTA, IDF1, MOTA, switches",
    "cameras": "ids over several cameras against the truth",
    "peers": "trackers side by side on the same detections",
    "rates": "trackers at fewer frames a second, and told a wrong rate",
    "gaps": "people known again by trackers after a gap",
    "loss": "where a file's identities are lost, step by step",
    "robust": "a file's identities when the engine's constants are changed at random",
}

USAGE = """usage: python -m readtrack.evaluate TASK ...

Score weights, or trackers. Tasks:
{tasks}

examples:
  python -m readtrack.evaluate reid --root market1501 --weights read-s
  python -m readtrack.evaluate openset --root market1501
  python -m readtrack.evaluate longgap --source TUD-Stadtmitte --weights read-s
  python -m readtrack.evaluate mot --ground-truth MOT17/train --results runs/mot17 --preprocess mot17
  python -m readtrack.evaluate cameras --results runs/cameras
  python -m readtrack.evaluate peers --source TUD-Stadtmitte --reid osnet.onnx
  python -m readtrack.evaluate rates --source TUD-Stadtmitte --wrong 3
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --tracker readtrack
  python -m readtrack.evaluate loss --source TUD-Stadtmitte
  python -m readtrack.evaluate robust --source TUD-Stadtmitte --source street:1
  python -m readtrack.evaluate reid --help                 what a task measures, and all its flags"""


def main(argv: list[str] | None = None) -> int:
    """Hand the command line to the task that its first word names. Returns the exit status: 0, 2 or 130."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] not in TASKS:
        wants_help = bool(words) and words[0] in ("-h", "--help")
        tasks = "\n".join(f"  {name:9}{what}" for name, what in TASKS.items())
        print(USAGE.format(tasks=tasks), file=sys.stdout if wants_help else sys.stderr)
        return 0 if wants_help else INPUT_ERROR
    return int(importlib.import_module(f"readtrack.commands.evaluate.{words[0]}").main(words[1:]))
