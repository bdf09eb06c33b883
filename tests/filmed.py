"""Recording out of painted people, for whoever tracks them."""

import numpy as np
import supervision as sv
from painted import paint

from readtrack import boxes
from readtrack.evaluation.recordings import Recording
from readtrack.tracking import Reassignment
from readtrack.video import Frame

NUMBERS = {"ann": 1, "bob": 2, "cid": 3, "dan": 4}


def film(story, pixels=True, name="story", absences=()):
    """``paint``'s places frame by frame, as recording whose detector finds everybody."""
    shots = [paint(places) for places in story]
    frames = [Frame(i, image if pixels else None) for i, (image, _) in enumerate(shots)]

    def truth(i):
        people = boxes.with_data(shots[i][1])
        people.tracker_id = np.array([NUMBERS[name] for name in story[i]], int)
        return people

    return Recording(name, 25.0, frames, len(frames), pixels, lambda i: shots[i][1], truth, lambda: absences)


class Scripted:
    """A tracker that numbers detections as a function of frame and detections says."""

    def __init__(self, script, decide=lambda frame: (), last=()):
        self.frame, self.script, self.decide, self.last, self.reassignments = -1, script, decide, last, []
        self.associations = []

    def update(self, detections, image):
        self.frame += 1
        assert not detections.data
        answer = boxes.with_data(detections)
        answer.tracker_id = np.array(self.script(self.frame, detections), int)
        self.reassignments = list(self.decide(self.frame))
        return answer

    def finish(self):
        return list(self.last)


def late(frame, box, number, previous_id=-1):
    return Reassignment(frame, np.array(box), 0.9, number, previous_id)


def nobody(_):
    return sv.Detections.empty()
