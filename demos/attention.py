"""Where READ looks: a crop against tracklets of the same person and of another. Run: python demos/attention.py [PNG]"""

import argparse

import cv2
import numpy as np

from readtrack import Matcher
from readtrack.street import Street, StreetConfig

PERSON, OTHER = 3, 5  # numbers in the cast
SCALE = 3


def crops_of(street: Street, matcher: Matcher, person: int, frames: range) -> tuple[list, list]:
    """Pictures and crops of a person in some frames, where most of the person can be seen."""
    pictures, crops = [], []
    for index in frames:
        image, people = street.image(index), street.truth(index)
        for box, number, seen in zip(people.xyxy, people.tracker_id, people.data["visibility"], strict=True):
            if number == person and seen > 0.9:
                left, top, right, bottom = box.astype(int)
                pictures.append(image[top:bottom, left:right])
                crops += list(matcher.describe(image, people[people.tracker_id == person])["crop"])
    return pictures, crops


def paint(pictures: list, attention: np.ndarray) -> np.ndarray:
    """The tracklet's pictures side by side, bright where the crop found its answer."""
    size = (64 * SCALE, 128 * SCALE)
    heat = [cv2.resize((part / attention.max()) ** 0.5, size, interpolation=cv2.INTER_CUBIC) for part in attention]
    big = [cv2.resize(picture, size) for picture in pictures]
    return np.hstack(
        [(b * (0.25 + 0.75 * h.clip(0, 1)[..., None])).astype(np.uint8) for b, h in zip(big, heat, strict=True)]
    )


def main(out: str = "attention.png") -> None:
    street, matcher = Street(StreetConfig(frames=400)), Matcher.load("read-s")
    early, late = range(0, 60, 3), range(100, 160, 3)
    (query, *_), (crop, *_) = crops_of(street, matcher, PERSON, late)
    rows = []
    for person in (PERSON, OTHER):
        pictures, crops = crops_of(street, matcher, person, early)
        places = np.linspace(0, len(crops) - 1, matcher.clip_length).astype(int)
        tracklet = [crops[i] for i in places]
        attention = matcher.attention(crop, tracklet)  # (T, h, w), sums to 1
        probability = matcher.similarity([crop], [tracklet])[0, 0]
        print(f"person {PERSON} against a tracklet of person {person}: same with probability {probability:.3f}")
        rows.append(paint([pictures[i] for i in places], attention))
    left = np.vstack([cv2.resize(query, (64 * SCALE, 128 * SCALE))] * 2)
    cv2.imwrite(out, np.hstack([left, np.vstack(rows)]))
    print(f"written to {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", default="attention.png", help="PNG to write")
    main(parser.parse_args().out)
