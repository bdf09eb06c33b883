"""Person detectors: a BGR image in, ``supervision.Detections`` out.

Every detector from ``load_detector`` is checked: what it hands out is finite, inside the image and complete,
so that nobody behind it has to ask.
"""

from readtrack.detect.checks import Checked, checked, clean
from readtrack.detect.config import Detector, DetectorConfig
from readtrack.detect.load import load_detector

__all__ = ["Checked", "Detector", "DetectorConfig", "checked", "clean", "load_detector"]
