"""Small data sets in their real layouts: crops of sixteen people of the drawn street, each in several looks.

People are never in two places here, so a "camera" is a way of showing them: mirrored, brighter, bluer.
"""

from collections import defaultdict
from functools import cache

import cv2
import numpy as np
from scipy.io import savemat

from readtrack.street import Street, StreetConfig
from readtrack.video import VideoWriter

PEOPLE = 16
SIZE = (64, 128)  # width, height
MARS_JUNK, MARS_DISTRACTORS = 3, 4


@cache
def crops():
    """Crops in order of time by person, from 1."""
    config = StreetConfig(seed=5, width=480, height=270, frames=400, people=PEOPLE, hidden=0, returning=0, lookalikes=0)
    street, found = Street(config), defaultdict(list)
    for index in range(0, len(street), 4):
        image, truth = street.image(index), street.truth(index)
        clear = (truth.data["visibility"] > 0.8) & (truth.xyxy[:, 0] > 1) & (truth.xyxy[:, 2] < config.width - 1)
        for person, box in zip(truth.tracker_id[clear], truth.xyxy[clear].astype(int), strict=True):
            crop = image[box[1] : box[3], box[0] : box[2]]
            found[int(person)].append(cv2.resize(crop, SIZE, interpolation=cv2.INTER_LINEAR))
    return {person: found[person] for person in range(1, PEOPLE + 1)}


def seen_by(camera, image):
    """A crop as a camera, from 1, shows it."""
    image = image[:, ::-1] if camera % 2 == 0 else image
    gain, blue = {1: (1.0, 0), 2: (0.8, 10), 3: (1.15, -10)}[camera]
    return np.clip(image * gain + [blue, 0, 0], 0, 255).astype(np.uint8)


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def tracklets(person, cameras=(1, 2), lengths=(5, 3)):
    """(camera, images) of a person, evenly out of all crops; lengths take turns, shifted by the person."""
    for i, camera in enumerate(cameras):
        length = lengths[(person + i) % len(lengths)]
        picked = np.linspace(i, len(crops()[person]) - 1, length).astype(int)
        yield camera, [seen_by(camera, crops()[person][k]) for k in picked]


def build_mars(root):
    """Odd people train; even ones, distractors and junk test. Queries: the first tracklet of each even person."""
    lists, rows = {"train": [], "test": []}, {"train": [], "test": []}
    queries = []

    def add(part, pid, camera, tracklet, images):
        name = "00-1" if pid == -1 else f"{pid:04d}"
        first = len(lists[part]) + 1
        for k, image in enumerate(images, 1):
            lists[part].append(f"{name}C{camera}T{tracklet:04d}F{k:03d}.jpg")
            write(root / f"bbox_{part}" / name / lists[part][-1], image)
        rows[part].append((first, len(lists[part]), pid, camera))

    # As in MARS, junk and distractors come first.
    rng = np.random.default_rng(0)
    for tracklet in range(MARS_JUNK):
        add("test", -1, 1, tracklet + 1, rng.integers(0, 256, (2, 128, 64, 3), dtype=np.uint8))
    for tracklet in range(MARS_DISTRACTORS):
        add("test", 0, 1 + tracklet % 2, tracklet + 1, [crops()[1 + 2 * tracklet][0]] * (1 + tracklet))
    for person in range(1, PEOPLE + 1):
        part = "train" if person % 2 else "test"
        for number, (camera, images) in enumerate(tracklets(person, (1, 2, 3), (8, 2, 5, 1)), 1):
            add(part, person, camera, number, images)
            if part == "test" and number == 1:
                queries.append(len(rows[part]))
    info = root / "info"
    info.mkdir()
    for part in ("train", "test"):
        (info / f"{part}_name.txt").write_text("\n".join(lists[part]) + "\n")
        savemat(info / f"tracks_{part}_info.mat", {f"track_{part}_info": np.array(rows[part], np.float64)})
    savemat(info / "query_IDX.mat", {"query_IDX": np.array([queries], np.float64)})
    return root


def build_duke(root, style="new"):
    """Odd people train, even ones are asked for; two more are in the gallery. "old": no underscores."""
    between = "_" if style == "new" else ""

    def add(part, person, camera, tracklet, images):
        for k, image in enumerate(images):
            name = between.join([f"{person:04d}", f"C{camera}", f"F{k + 1:04d}", f"X{1000 * camera + 8 * k:05d}"])
            write(root / part / f"{person:04d}" / f"{tracklet:04d}" / f"{name}.jpg", image)

    for person in range(1, PEOPLE + 1):
        for number, (camera, images) in enumerate(tracklets(person, (1, 2, 3), (4, 7, 1)), 1):
            if person % 2:
                add("train", person, camera, number, images)
            elif person <= PEOPLE - 4:
                add("gallery", person, camera, number, images)
                if number == 1:
                    add("query", person, camera, number, images)
            elif number == 1:
                add("gallery", person, camera, number, images)
    return root


def build_market(root):
    """All people in ``bounding_box_train``, with two or three cameras each."""
    for person in range(1, PEOPLE + 1):
        cameras = (1, 2, 3) if person % 3 else (1, 2)
        for camera, images in tracklets(person, cameras, (6, 3, 4)):
            for k, image in enumerate(images, 1):
                write(root / "bounding_box_train" / f"{person:04d}_c{camera}s1_{25 * k:06d}_{k:02d}.jpg", image)
    return root


def build_cuhk(root, first, second):
    """All people in one folder; ``first`` and ``second`` are the numbers of the images that each camera took."""
    digits = 2 if len(first) > 2 else 1  # as CUHK03 and CUHK01 write them
    for person in range(1, PEOPLE + 1):
        for numbers, (_, images) in zip(
            (first, second), tracklets(person, (1, 2), (len(first), len(second))), strict=True
        ):
            for number, image in zip(numbers, images, strict=True):
                write(root / f"{person:04d}_{number:0{digits}d}.jpg", image)
    return root


def build_mot(root):
    """Two sequences of six seconds at 5 and 10 frames a second: the first as images, the second as a video."""
    for number, fps in ((1, 5), (2, 10)):
        config = StreetConfig(
            seed=number, width=480, height=270, fps=fps, frames=6 * fps, people=8, hidden=0, returning=0, lookalikes=0
        )
        folder = root / f"STREET-{number:02d}"
        _build_sequence(folder, Street(config), as_video=number == 2)
    return root


def _build_sequence(folder, street, as_video):
    (folder / "gt").mkdir(parents=True)
    width, height = street.size
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={street.fps}\nseqLength={len(street)}\n"
        f"imWidth={width}\nimHeight={height}\nimExt=.jpg\n"
    )
    if as_video:
        with VideoWriter(folder / f"{folder.name}.mp4", street.fps) as writer:
            for index in range(len(street)):
                writer.write(street.image(index))
    else:
        for index in range(len(street)):
            write(folder / "img1" / f"{index + 1:06d}.jpg", street.image(index))
    lines = []
    for index in range(len(street)):
        truth = street.truth(index)
        for person, (x1, y1, x2, y2), seen in zip(truth.tracker_id, truth.xyxy, truth.data["visibility"], strict=True):
            lines.append(f"{index + 1},{person},{x1:.0f},{y1:.0f},{x2 - x1:.0f},{y2 - y1:.0f},1,1,{seen:.3f}")
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
