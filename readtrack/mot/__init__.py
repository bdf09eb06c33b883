"""MOTChallenge text in and out: the only room that knows 1-based frames.

A line is ``frame,id,left,top,width,height,conf,x,y,z``; what is unused is -1. Ground truth has the consider
flag in column 7 and, from MOT16 on, the class in column 8 and the visibility in column 9.
"""

from readtrack.mot.detections import read_mot
from readtrack.mot.rows import Rows, by_frame
from readtrack.mot.tables import (
    PEDESTRIAN,
    MotTable,
    TrackRows,
    has_classes,
    read_table,
    read_tracks,
    read_truth,
)
from readtrack.mot.writer import MotWriter

__all__ = [
    "PEDESTRIAN",
    "MotTable",
    "MotWriter",
    "Rows",
    "TrackRows",
    "by_frame",
    "has_classes",
    "read_mot",
    "read_table",
    "read_tracks",
    "read_truth",
]
