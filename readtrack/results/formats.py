"""A table in other people's formats, each in a file of its own, whole or not at all."""

import csv
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np

from readtrack.boxes import xyxy_to_tlwh
from readtrack.errors import InputError
from readtrack.files import replacing
from readtrack.mot import MotWriter
from readtrack.results.table import Table


def export(table: Table, folder: Path, formats: list[str]) -> list[Path]:
    """Write a table in some formats to a folder, as tracks.csv and so on; mot is tracks.txt.

    Raises:
        InputError: a format is unknown or needs a package that is not installed, or a file cannot be written.
    """
    check_formats(formats)
    written = []
    for name in dict.fromkeys(formats):
        suffix, write = FORMATS[name]
        path = folder / f"tracks.{suffix}"
        write(table, path)
        written.append(path)
    return written


def check_formats(formats: list[str]) -> None:
    """Raise InputError unless all can be written here."""
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"format {name!r} is unknown: give some of {','.join(FORMATS)}", "format")
    if "parquet" in formats:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise InputError("parquet needs pyarrow: pip install 'readtrack[tables]'", "format") from error


def write_mot(table: Table, path: Path) -> None:
    """MOTChallenge rows, as every run writes them."""
    with replacing(path) as partial, MotWriter(partial) as writer:
        for frame, people in table.by_frame():
            writer.write(frame, people)


def write_csv(table: Table, path: Path) -> None:
    """A row a box under the names of ``Table.columns``."""
    columns = table.columns()
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))


def write_parquet(table: Table, path: Path) -> None:
    """The same columns."""
    import pyarrow
    from pyarrow import parquet

    columns = {name: values.tolist() if values.dtype == object else values for name, values in table.columns().items()}
    with replacing(path, pyarrow.ArrowException) as partial:
        parquet.write_table(pyarrow.table(columns), partial)


def write_jsonl(table: Table, path: Path) -> None:
    """The same, an object a box; what is unknown is null."""
    columns = {
        name: [None if value != value else value for value in values.tolist()]
        for name, values in table.columns().items()
    }
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        for row in zip(*columns.values(), strict=True):
            file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")


def write_coco(table: Table, path: Path) -> None:
    """COCO with the fields of its video dialects (videos, video_id, frame_id, instance_id, track_id)."""
    name = str(table.about.get("run", {}).get("source", "video"))
    width, height = _size(table)
    frames = np.unique(table.frame).tolist()
    image_of = {frame: number for number, frame in enumerate(frames, 1)}
    tlwh = xyxy_to_tlwh(table.xyxy).round(2)
    seconds = dict(zip(table.frame.tolist(), table.seconds.tolist(), strict=True))
    images = [
        {
            "id": image_of[frame],
            "video_id": 1,
            "frame_id": frame,
            "file_name": f"{name}/{frame + 1:06d}.jpg",
            "width": width,
            "height": height,
            **({} if seconds[frame] != seconds[frame] else {"seconds": round(seconds[frame], 4)}),
        }
        for frame in frames
    ]
    boxes = [
        {
            "id": row + 1,
            "image_id": image_of[int(table.frame[row])],
            "video_id": 1,
            "category_id": 1,
            "instance_id": int(table.id[row]),
            "track_id": int(table.id[row]),
            "bbox": tlwh[row].tolist(),
            "area": round(float(tlwh[row, 2] * tlwh[row, 3]), 2),
            "iscrowd": 0,
            "segmentation": [],
            "score": round(float(table.confidence[row]), 4),
            "filled": bool(table.filled[row]),
            "probability": round(float(table.probability[row]), 4),
        }
        for row in range(len(table))
    ]
    people = [{"id": i, "name": table.names.get(i, str(i))} for i in np.unique(table.id).tolist()]
    content = {
        "info": {"description": name, "version": version("readtrack")},
        "licenses": [],
        "videos": [{"id": 1, "name": name, "width": width, "height": height}],
        "categories": [{"id": 1, "name": "person", "supercategory": "person"}],
        "instances": people,
        "images": images,
        "annotations": boxes,
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")


def write_cvat(table: Table, path: Path) -> None:
    """CVAT for video 1.1: a track a person, outside where nobody is; filled boxes are no key frames."""
    width, height = _size(table)
    stop = int(table.frame.max(initial=0))
    order = np.lexsort((table.frame, table.id))
    groups = np.split(order, np.flatnonzero(np.diff(table.id[order])) + 1) if len(order) else []
    name = str(table.about.get("run", {}).get("source", "video"))
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        xml = _Xml(file)
        with xml("annotations"):
            xml.text("version", "1.1")
            with xml("meta"), xml("task"):
                for key, value in (("name", name), ("size", stop + 1), ("mode", "interpolation"), ("start_frame", 0)):
                    xml.text(key, value)
                xml.text("stop_frame", stop)
                with xml("labels"), xml("label"):
                    xml.text("name", "person")
                    with xml("attributes"), xml("attribute"):
                        for key, value in (("name", "identity"), ("mutable", "False"), ("input_type", "text")):
                            xml.text(key, value)
                        xml.text("default_value", "")
                        xml.text("values", "")
                with xml("original_size"):
                    xml.text("width", width)
                    xml.text("height", height)
            for rows in groups:
                _cvat_track(xml, table, rows.tolist(), stop)
        xml.end()


def _cvat_track(xml: "_Xml", table: Table, rows: list[int], stop: int) -> None:
    """One person."""
    track = int(table.id[rows[0]])
    with xml("track", id=track, label="person", source="auto"):
        for place, row in enumerate(rows):
            frame = int(table.frame[row])
            following = int(table.frame[rows[place + 1]]) if place + 1 < len(rows) else None
            _cvat_box(xml, table, row, frame, outside=False)
            if following != frame + 1 and frame < stop:
                _cvat_box(xml, table, row, frame + 1, outside=True)


def _cvat_box(xml: "_Xml", table: Table, row: int, frame: int, outside: bool) -> None:
    """A person's box in a frame, or that they are gone from there on."""
    corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{v:.2f}" for v in table.xyxy[row].tolist()), strict=True))
    track = int(table.id[row])
    keyframe = outside or not table.filled[row]
    with xml("box", frame=frame, keyframe=int(keyframe), outside=int(outside), occluded=0, **corners, z_order=0):
        xml.text("attribute", table.names.get(track, str(track)), name="identity")


class _Xml:
    """Elements by ``with``; everything is escaped."""

    def __init__(self, file: "object") -> None:
        self._out = XMLGenerator(file, "utf-8", short_empty_elements=True)  # type: ignore[arg-type]
        self._open: list[str] = []
        self._out.startDocument()

    def __call__(self, name: str, /, **attributes: object) -> "_Xml":
        self._out.startElement(name, AttributesImpl({key: str(value) for key, value in attributes.items()}))
        self._open.append(name)
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._out.endElement(self._open.pop())
        if len(self._open) < 3:
            self._out.characters("\n")

    def text(self, name: str, value: object, /, **attributes: object) -> None:
        """An element that holds a text."""
        with self(name, **attributes):
            self._out.characters(str(value))

    def end(self) -> None:
        """Nothing follows."""
        self._out.endDocument()


def _size(table: Table) -> tuple[int, int]:
    """Width and height of the images; where they are unknown, what holds all boxes."""
    known = table.about.get("size")
    if known:
        return int(known[0]), int(known[1])
    return (int(np.ceil(edge)) for edge in table.xyxy[:, 2:].max(axis=0, initial=1))  # type: ignore[return-value]


FORMATS: dict[str, tuple[str, Callable[[Table, Path], None]]] = {
    "mot": ("txt", write_mot),
    "csv": ("csv", write_csv),
    "parquet": ("parquet", write_parquet),
    "jsonl": ("jsonl", write_jsonl),
    "coco": ("coco.json", write_coco),
    "cvat": ("cvat.xml", write_cvat),
}
