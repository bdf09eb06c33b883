"""The command line: one word picks what is scored."""

import argparse

from readtrack.commands.console import exit_status
from readtrack.commands.evaluate import reid
from readtrack.evaluation import budget, gaps, longgap, mot
from readtrack.evaluation.peers import comparison as peers

TASKS = (reid, longgap, mot, peers, gaps, budget)  # each adds its own flags, and sets ``run`` to what they start

EPILOG = """examples:
  python -m readtrack.evaluate reid --root market1501 --weights read-s
  python -m readtrack.evaluate longgap --source TUD-Stadtmitte --weights read-s
  python -m readtrack.evaluate mot --gt MOT17/train --results runs/mot17 --preprocess mot17
  python -m readtrack.evaluate peers --source TUD-Stadtmitte --reid osnet.onnx
  python -m readtrack.evaluate gaps --source TUD-Stadtmitte --tracker readtrack
  python -m readtrack.evaluate budget --source TUD-Stadtmitte
  python -m readtrack.evaluate reid --help                 what a task measures, and all its flags
"""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, score, print. Returns the exit status: 0, 2 for bad input, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m readtrack.evaluate",
        description="Score weights, or a tracker's files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    for task in TASKS:
        task.add_parser(tasks.add_parser)
    args = parser.parse_args(argv)
    return exit_status(lambda: args.run(args))
