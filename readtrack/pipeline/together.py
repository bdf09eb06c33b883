"""The run of several cameras: each is gathered and linked by itself, then all their people, then all is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from readtrack.errors import InputError, first_line
from readtrack.judging import Judge
from readtrack.linking import persons
from readtrack.linking.cameras import CameraLink, Joined, Layout, join
from readtrack.linking.engine import Linked, Observations
from readtrack.linking.parts import SURE, View
from readtrack.pipeline.recording import RecordingRun
from readtrack.pipeline.steps import Step
from readtrack.read.matcher import Matcher
from readtrack.results import Summary
from readtrack.tracking import Association

Ints = NDArray[np.int64]


@dataclass
class CameraRun:
    """A camera among several."""

    name: str
    run: RecordingRun
    begins: float = 0.0  # seconds of the common clock at which frame 0 of the source was taken
    failed: str = ""  # why it ended early, if it did
    joined: list[Association] = field(default_factory=list)  # how its people are known from elsewhere

    @property
    def summary(self) -> Summary:
        """What was done."""
        return self.run.summary


def track_cameras(
    cameras: Sequence[CameraRun],
    layout: Layout,
    matcher: Matcher | None,
    report: Callable[[CameraRun, Step], None] = lambda camera, step: None,
    written: Callable[[CameraRun], None] = lambda camera: None,
) -> Joined:
    """Find the people of several cameras and write them, each camera to its own folder, with ids valid in all.

    Ctrl-C while frames are read ends that camera and leaves out those not begun; a camera that fails is told, and what
    was seen of it until then counts.

    Args:
        cameras: fresh runs, whose trackers share one matcher.
        layout: how they lie, in their order.
        matcher: what compares crops; None leaves every camera alone.
        report: called after every frame.
        written: called when a camera's files are whole.
    """
    for camera in cameras:
        try:
            camera.run.gather(lambda step, camera=camera: report(camera, step))  # type: ignore[misc]
        except (InputError, OSError) as error:
            camera.failed = first_line(error)
        if camera.summary.interrupted:
            break
    seen: list[Observations] = []
    views = []
    for camera in cameras:
        tracker = camera.run.tracker
        with camera.run.working():
            seen.append(tracker.observations())
            linked = tracker.link(seen[-1])
            views.append(View(seen[-1], linked, tracker.crops(), tracker.fps, camera.begins, tracker.size))
    judge = None if matcher is None else Judge(matcher)
    config = cameras[0].run.tracker.config
    joined = join(views, layout, judge, config)
    for number, (camera, view) in enumerate(zip(cameras, views, strict=True)):
        own = [one for one in joined.links if one.camera == number]
        linked, ids = _renamed(view, joined.people[number], own)
        camera.joined = _told(camera, view, joined.people[number], own)
        tracker = camera.run.tracker
        try:
            camera.run.write(tracker.settle(view.observations, linked, tracker.config), linked, ids, camera.joined)
        except (InputError, OSError) as error:
            camera.failed = camera.failed or first_line(error)
        written(camera)
    return joined


def _renamed(view: View, people: Ints, links: Sequence[CameraLink]) -> tuple[Linked, Ints]:
    """A camera's people as all cameras see them, and what each of them is called, from 1."""
    linked, seen = view.linked, view.observations
    numbers, place = np.unique(people, return_inverse=True)
    ids = numbers + 1
    if not len(people):
        return linked, ids
    joined = linked.joined.copy()
    for one in links:
        joined[one.tracklet] = one.probability
    told = persons.features(place[seen.tracklets], seen.frames, seen.confidence, linked.pictures[seen.tracklets])
    return (
        replace(
            linked,
            people=place,
            probability=persons.probability(told),
            features=told,
            links=[replace(one, person=int(place[one.tracklet])) for one in linked.links if one.probability >= SURE],
            joined=joined,
        ),
        ids,
    )


def _told(camera: CameraRun, view: View, people: Ints, links: Sequence[CameraLink]) -> list[Association]:
    """Decisions over all cameras on who was seen by this one, at the frame of the first sight."""
    begins = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(begins, view.observations.tracklets, view.observations.frames)
    return [
        Association(
            frame=camera.run.indices[int(begins[one.tracklet])],
            track=int(people[one.tracklet]) + 1,
            detection=-1,
            reason="camera" if one.earlier != one.camera else "reidentified" if one.gap >= 1 else "linked",
            probability=one.probability,
            runner_up=one.runner_up,
            gap=round(one.gap * view.fps),
            motion_cost=-one.motion,
            boxes=one.boxes,
        )
        for one in links
    ]
