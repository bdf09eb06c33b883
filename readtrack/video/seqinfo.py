"""What a MOT sequence says of itself."""

import configparser
from dataclasses import dataclass
from pathlib import Path

from readtrack.errors import InputError


@dataclass(frozen=True)
class SeqInfo:
    """What a MOT sequence's ``seqinfo.ini`` says; None where it says nothing usable."""

    name: str
    fps: float | None
    length: int | None
    size: tuple[int, int] | None  # width, height in pixels
    image_folder: Path
    extension: str


def read_seqinfo(folder: str | Path) -> SeqInfo:
    """Read ``folder/seqinfo.ini`` leniently: missing or senseless entries become None or the usual value.

    Raises:
        InputError: there is no such file, or it is not an ini file.
    """
    path = Path(folder) / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string(text if text.lstrip().startswith("[") else "[Sequence]\n" + text)
        section = parser[parser.sections()[0]]
    except (OSError, UnicodeDecodeError, configparser.Error, IndexError) as error:
        problem = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be read as an ini file"
        raise InputError(f"{path}: {problem}: pass a MOT sequence folder with its seqinfo.ini") from error

    def number(key: str) -> float | None:
        try:
            value = float(section.get(key, ""))
        except ValueError:
            return None
        return value if 0 < value < 1e9 else None

    length, width, height = number("seqLength"), number("imWidth"), number("imHeight")
    return SeqInfo(
        name=section.get("name", "").strip() or path.parent.resolve().name,
        fps=number("frameRate"),
        length=int(length) if length else None,
        size=(int(width), int(height)) if width and height else None,
        image_folder=path.parent / (section.get("imDir", "").strip() or "img1"),
        extension=section.get("imExt", "").strip() or ".jpg",
    )
