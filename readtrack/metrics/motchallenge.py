"""MOTChallenge's own rules of what counts, by TrackEval's code: distractors, zero marks and classes."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError

BENCHMARKS = {"mot17": "MOT17", "mot20": "MOT20"}  # MOT16's rules are those of MOT17

Rows = NDArray[np.float64]


def prepare_benchmark(name: str, truth: Rows, tracks: Rows, frames: int, benchmark: str) -> dict[str, Any]:
    """A sequence as the benchmark prepares it, for ``score_prepared``.

    Tracks' boxes that match a distractor (somebody in a vehicle, a reflection, ...) are dropped, then whoever in the
    truth is no pedestrian or is marked not to count.

    Args:
        name: the sequence's, for messages.
        truth: (N, 9) frame from 1, identity, left, top, width, height, flag, class, visibility; all rows.
        tracks: (M, 9) of which columns 8 and 9 do not matter.
        frames: how many the sequence has.
        benchmark: one of ``BENCHMARKS``.

    Raises:
        InputError: TrackEval refuses the sequence; its words are told.
    """
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.utils import TrackEvalException

    with tempfile.TemporaryDirectory() as folder:  # TrackEval reads files
        files = {"gt/sequence/gt/gt.txt": truth, "tracks/this/sequence.txt": _without_classes(tracks)}
        for file, rows in files.items():
            path = Path(folder) / file
            path.parent.mkdir(parents=True)
            np.savetxt(path, rows, fmt="%.17g", delimiter=",")
        try:
            data_set = MotChallenge2DBox(
                {
                    "GT_FOLDER": f"{folder}/gt",
                    "TRACKERS_FOLDER": f"{folder}/tracks",
                    "TRACKERS_TO_EVAL": ["this"],
                    "TRACKER_SUB_FOLDER": "",
                    "SKIP_SPLIT_FOL": True,
                    "SEQ_INFO": {"sequence": frames},
                    "BENCHMARK": BENCHMARKS[benchmark],
                    "PRINT_CONFIG": False,
                }
            )
            prepared = data_set.get_preprocessed_seq_data(data_set.get_raw_seq_data("this", "sequence"), "pedestrian")
        except TrackEvalException as error:
            raise InputError(f"{name}: TrackEval says: {' '.join(str(error).split())}") from error
    return dict(prepared)


def _without_classes(tracks: Rows) -> Rows:
    """Tracks are all of pedestrians, whatever their columns 8 and 9 say."""
    plain: Rows = tracks.copy()
    plain[:, 7:] = -1
    return plain
