"""People painted as plain rectangles, and a matcher that knows them by their colour: stories for other trackers."""

import numpy as np
import supervision as sv

from readtrack import boxes
from readtrack.tracking.evidence import log_odds

WIDTH, HEIGHT = 640, 360
COLOURS = {"ann": (30, 30, 220), "bob": (220, 60, 30), "cid": (40, 200, 40), "dan": (200, 40, 200)}


def at(x, y=300.0, tall=160.0):
    """The box of somebody who stands at x, with the feet at y."""
    return [x - 0.2 * tall, y - tall, x + 0.2 * tall, y]


def paint(places):
    """Name -> box, as an image and detections in that order."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    xyxy = np.array(list(places.values()), dtype=np.float64).reshape(-1, 4)
    corners = boxes.clip(np.nan_to_num(xyxy), WIDTH, HEIGHT).astype(int)
    for name, (left, top, right, bottom) in zip(places, corners, strict=True):
        image[top:bottom, left:right] = COLOURS[name.rstrip("0123456789")]
    count = len(xyxy)
    return image, sv.Detections(xyxy, confidence=np.full(count, 0.9), class_id=np.zeros(count, int))


def away_and_back(gap=60, name="ann", other=None):
    """Somebody walks, is away for ``gap`` frames and comes back elsewhere (as ``other``, if named); bob stays."""
    walk = [{name: at(100 + 2 * i), "bob": at(560)} for i in range(30)]
    back = [{other or name: at(300 + 2 * i), "bob": at(560)} for i in range(40)]
    return walk + [{"bob": at(560)}] * gap + back


class ByColour:
    """Stands in for a ``Matcher``: probability ``sure`` for crops of one colour, else ``1 - sure``."""

    dimension = 4

    def __init__(self, sure=0.98):
        self.sure = sure

    def describe(self, image, people):
        crops = np.empty(len(people), dtype=object)
        corners = boxes.clip(np.nan_to_num(people.xyxy.astype(float)), *image.shape[1::-1])
        for i, (left, top, right, bottom) in enumerate(corners.astype(int)):
            crops[i] = self.crops([image[top:bottom, left:right]])[0] if right - left > 1 < bottom - top else None
        return boxes.with_data(people, crop=crops)

    def crops(self, source):
        return [tuple(np.median(image, axis=(0, 1)).tolist()) for image in source]

    def similarity(self, queries, galleries):
        like = [
            [np.abs(np.subtract(query, gallery)).max(axis=1).min() < 40 for gallery in galleries] for query in queries
        ]
        return np.where(np.array(like).reshape(len(queries), len(galleries)), self.sure, 1 - self.sure)

    def log_odds(self, queries, galleries):
        return log_odds(self.similarity(queries, galleries))

    def vectors(self, source):
        colours = np.array(self.crops(source), dtype=np.float32).reshape(-1, 3) - 127.5
        return (colours / np.linalg.norm(colours, axis=1, keepdims=True)) @ np.eye(3, 4, dtype=np.float32)

    def video_vectors(self, clips):
        means = np.array([self.vectors([np.array(crop)[None, None] for crop in clip]).mean(axis=0) for clip in clips])
        return means.reshape(-1, 4)

    def person_log_odds(self, vectors):
        return np.full(len(vectors), np.nan)

    def encode(self, crops):
        pass

    def embed(self, image, xyxy):
        crops = self.describe(image, sv.Detections(np.asarray(xyxy, dtype=float))).data["crop"]
        shown = np.array([crop is not None for crop in crops], dtype=bool)
        found = np.tile(np.eye(1, 4, dtype=np.float32), (len(crops), 1))
        colours = np.array([crop for crop in crops if crop is not None], dtype=np.float32).reshape(-1, 3) - 128
        found[shown] = (colours / np.linalg.norm(colours, axis=1, keepdims=True)) @ np.eye(3, 4, dtype=np.float32)
        return found, shown


class Eyes(ByColour):
    """A matcher by colour that counts what it was shown."""

    def __init__(self, sure=0.98):
        super().__init__(sure)
        self.encoded = 0

    def encode(self, crops):
        self.encoded += len(crops)
