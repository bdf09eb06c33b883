"""Frames from a file, a folder, a camera, a stream or a MOT sequence; and the video writer.

``open_video`` is the one way in: it answers with a ``Video`` whatever the source is. Frames count from 0 in
the *source*, so an index means the same picture whatever ``start`` and ``stride`` are, and have a time in seconds.
"""

from readtrack.video.frames import Video, open_video
from readtrack.video.seqinfo import SeqInfo, read_seqinfo
from readtrack.video.source import Frame
from readtrack.video.writer import VideoWriter

__all__ = ["Frame", "SeqInfo", "Video", "VideoWriter", "open_video", "read_seqinfo"]
