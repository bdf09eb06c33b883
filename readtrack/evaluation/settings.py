"""What each experiment is told. Nothing heavy is imported here: commands make their flags and help of it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from readtrack.datasets.tracklets import Dataset
from readtrack.devices import Precision
from readtrack.errors import InputError

Corrupted = Literal["all", "occlusion", "jitter", "blur", "small"]

GAPS = (10, 25, 50, 100)  # frames
RATES = (10.0, 5.0, 2.0, 1.0)  # frames a second
LONG_GAPS = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds


@dataclass(frozen=True)
class ReidSettings:
    """Image-to-video re-identification."""

    root: Path  # folder of the data set
    dataset: Dataset = "market"  # which one
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # where it runs: cpu, cuda, cuda:1; left out: a GPU where there is one
    precision: Precision = "fp32"  # of the network
    queries_in_gallery: bool = True  # query tracklets stay in the gallery, as in the paper
    rank_by: Literal["probability", "class1"] = "probability"  # what of READ's answer ranks; class1: its raw logit
    clip_length: int | None = None  # images of a gallery tracklet that are compared; left out: the weights' own
    rank: int | None = None  # channels that the gallery's values are compressed to: faster, slightly off
    histogram: bool = False  # score colour histograms as well: what any re-ID has to beat
    reid: Path | None = None  # another re-ID network to score: .onnx, RGB crops (B, 3, H, W) in, vectors (B, D) out
    corrupted: Corrupted | None = None  # score a second time with every image corrupted as tracking meets it
    shortlist: int | None = None  # READ judges so many of each query's likeliest by pooled features; left out: all
    worst: int = 10  # confusions of either kind to tell of

    def __post_init__(self) -> None:
        for name in ("dataset", "precision", "rank_by", "corrupted"):
            _check_choice(self, name)
        if self.clip_length is not None and self.clip_length < 1:
            raise InputError(f"clip_length {self.clip_length}: at least 1 image", parameter="clip_length")
        if self.worst < 1:
            raise InputError(f"{self.worst} confusions: at least 1", parameter="worst")
        if self.shortlist is not None and self.shortlist < 1:
            raise InputError(f"a shortlist of {self.shortlist}: at least 1", parameter="shortlist")


@dataclass(frozen=True)
class OpenSetSettings:
    """Searches in a gallery that knows some of the people."""

    root: Path  # folder of the data set
    dataset: Dataset = "market"  # which one
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # where it runs: cpu, cuda, cuda:1; left out: a GPU where there is one
    crops: tuple[int, ...] = (1, 4)  # that each search is by, a row for each
    splits: int = 5  # times that half of the people are drawn
    shortlist: int = 100  # tracklets that READ compares
    compared: int = 300  # searches among all people that are done by the shortlist and by all tracklets; 0: none
    seed: int = 0  # of what is drawn

    def __post_init__(self) -> None:
        _check_choice(self, "dataset")
        if not self.crops or min(self.crops) < 1:
            raise InputError(f"searches by {self.crops} crops: at least 1", parameter="crops")
        for name, least in (("splits", 1), ("shortlist", 1), ("compared", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} {getattr(self, name)}: at least {least}", parameter=name)


@dataclass(frozen=True)
class LongGapSettings:
    """Detections against the people seen some time before."""

    source: tuple[str, ...] = ()  # MOT sequence with pixels, gt/gt.txt and det/det.txt, or street, street:7
    detections: Path | None = None  # MOT file instead of det/det.txt
    truth_boxes: bool = False  # take the truth's own boxes as detections
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # where it runs: cpu, cuda, cuda:1; left out: a GPU where there is one
    precision: Precision = "fp32"  # of the network
    reid: Path | None = None  # another re-ID network to score: .onnx, RGB crops (B, 3, H, W) in, vectors (B, D) out
    gap: tuple[float, ...] = ()  # seconds since candidates were seen last; none: 1, 2, 5, 10 and 30
    window: float = 2.0  # seconds before the gap from which a candidate's crops come
    every: int = 3  # frames whose number divides by this are asked about

    def __post_init__(self) -> None:
        _check_sources(self.source, self.detections)
        _check_choice(self, "precision")
        if not all(0 < gap < float("inf") for gap in self.gap):
            raise InputError(f"a gap of {min(self.gap):g} s: more than 0 seconds", parameter="gap")
        if not 0 < self.window < float("inf"):
            raise InputError(f"a window of {self.window:g} s: more than 0 seconds", parameter="window")
        if self.every < 1:
            raise InputError(f"every {self.every} frames: at least 1", parameter="every")
        if self.detections and self.truth_boxes:
            raise InputError("detections and truth boxes both say where people are: give one of them", "detections")


@dataclass(frozen=True)
class MotSettings:
    """Files of tracks against the truth."""

    ground_truth: Path  # folder of sequences with gt/gt.txt, one sequence, or its gt.txt
    results: Path  # their tracks: a folder, or one file
    allow_missing: bool = False  # count sequences that have no tracks as not tracked at all
    preprocess: Literal["mot17", "mot20"] | None = None  # drop by that benchmark's rules what does not count
    classes: tuple[int, ...] = (1,)  # the truth's classes that count, where it has classes; 1 is pedestrian

    def __post_init__(self) -> None:
        _check_choice(self, "preprocess")
        if self.preprocess is not None and self.classes != (1,):
            raise InputError("preprocessing scores pedestrians, as the benchmarks do: leave out classes", "classes")


@dataclass(frozen=True)
class CamerasSettings:
    """What a run over several cameras left, against the truth."""

    results: Path  # folder of the run, with CAMERA/tracks.txt
    ground_truth: Path | None = None  # folder with CAMERA/gt/gt.txt; left out: CAMERA/truth.txt in the results
    partial: bool = False  # the truth has some of the people only: score these, and no tracker


@dataclass(frozen=True)
class RecordingSettings:
    """Recordings, and READ."""

    source: tuple[str, ...] = ()  # MOT sequence with gt/gt.txt and det/det.txt, or street, street:7
    detections: Path | None = None  # MOT file instead of det/det.txt, of one sequence
    weights: str = "read-s"  # READ's: a shipped name or a file
    device: str | None = None  # where it runs: cpu, cuda, cuda:1; left out: a GPU where there is one

    def __post_init__(self) -> None:
        _check_sources(self.source, self.detections)
        if len({Path(source).resolve() for source in self.source}) < len(self.source):
            raise InputError("a source is given twice: give each of them once", parameter="source")


@dataclass(frozen=True)
class PersonSettings(RecordingSettings):
    """Recordings, READ, and detectors whose boxes are looked at besides det/det.txt."""

    detector: tuple[str, ...] = ()  # files, or names as `--detector` of a run takes them


@dataclass(frozen=True)
class RobustSettings(RecordingSettings):
    """Recordings, READ, and how much is changed."""

    runs: int = 12  # times that all constants are changed
    change: float = 0.2  # share by which each is changed at most
    seed: int = 0  # of the changes

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.runs < 1:
            raise InputError(f"{self.runs} runs: at least 1", parameter="runs")
        if not 0 < self.change < 1:
            raise InputError(f"a change of {self.change:g}: a share between 0 and 1", parameter="change")
        if self.seed < 0:
            raise InputError(f"a seed of {self.seed}: from 0 on", parameter="seed")


@dataclass(frozen=True)
class PeerSettings(RecordingSettings):
    """Recordings, READ and trackers."""

    tracker: tuple[str, ...] = ()  # names of evaluation.peers; none: all that are installed
    reid: str | None = None  # re-ID for hosts: .onnx, or READ's weights for its pooled vectors


@dataclass(frozen=True)
class GapSettings(PeerSettings):
    """Recordings, READ, trackers and gaps."""

    gap: tuple[int, ...] = ()  # frames without detections; none: 10, 25, 50 and 100
    places: int = 5  # windows of each gap, at equal steps
    who: Literal["all", "one"] = "all"  # who is taken away: everybody, or one person at a time

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice(self, "who")
        if min(self.gap, default=1) < 1:
            raise InputError("a gap is of at least 1 frame", parameter="gap")
        if self.places < 1:
            raise InputError(f"{self.places} places: at least 1", parameter="places")


@dataclass(frozen=True)
class RateSettings(PeerSettings):
    """Recordings, READ, trackers and rates."""

    rate: tuple[float, ...] = ()  # frames a second that recordings are thinned to; none: their own, 10, 5, 2 and 1
    wrong: float = 1.0  # tell each rate so many times too high and too low as well; 1: only as it is

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 < rate < math.inf for rate in self.rate):
            raise InputError(f"rates {self.rate}: give frames a second, more than 0", parameter="rate")
        if not 0 < self.wrong < math.inf:
            raise InputError(f"a rate told {self.wrong} times too high: give a factor above 0", parameter="wrong")


def _check_choice(settings: object, name: str) -> None:
    """Raise InputError where a setting is none of its type's choices."""
    from typing import get_args, get_type_hints

    kind = get_type_hints(type(settings))[name]
    choices = [choice for part in (kind, *get_args(kind)) for choice in get_args(part) if isinstance(choice, str)]
    value = getattr(settings, name)
    if value is not None and value not in choices:
        raise InputError(f"{name} {value!r} is unknown: choose one of {', '.join(dict.fromkeys(choices))}", name)


def _check_sources(sources: tuple[str, ...], detections: Path | None) -> None:
    if not sources:
        raise InputError("no source: pass a MOT sequence, or street", parameter="source")
    if detections and (len(sources) > 1 or sources[0].partition(":")[0] == "street"):
        raise InputError("detections are of one sequence: give one source, a folder", parameter="detections")
