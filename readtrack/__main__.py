"""The ``readtrack`` command: one word picks the job."""

import importlib
import sys

COMMANDS = {
    "track": "track the people in a video",
    "relink": "join the tracks of any tracker's file into identities",
    "edit": "correct who is who in a finished run",
    "export-tracks": "write tracks as CSV, Parquet, COCO, CVAT",
    "gallery": "keep people on disk and find them again: add, enrol, find, merge, forget",
    "fleet": "track many recordings, and link their people over all of them",
    "tune": "find settings for footage of your own, or how well its people can be told apart",
    "train": "train READ",
    "evaluate": "score re-ID weights, or tracks",
    "average": "average two stages of one training",
    "calibrate": "fit the probability of weights to many scenes",
    "convert": "turn the authors' released weights into a file for --weights",
    "export": "write READ as ONNX or TorchScript",
    "bench": "pairs per second, beside what the machine could do",
}


def main() -> int:
    """Hand the command line to the command that its first word names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("usage: readtrack COMMAND ...\n\ncommands (each has --help):")
        print("\n".join(f"  {word:14}{what}" for word, what in COMMANDS.items()))
        print("\nexamples:\n  readtrack track video.mp4\n  readtrack evaluate reid --help")
        return 0
    if name not in COMMANDS:
        print(f"error: {name}: no such command (see readtrack --help)", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"readtrack.commands.{name.replace('-', '_')}").main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
