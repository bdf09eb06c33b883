"""Live: what is kept of people, and what is looked at closer."""

import numpy as np
from filmed import film
from painted import ByColour, at

from readtrack import ReadTracker, TrackerConfig


class Attentive(ByColour):
    """A matcher by colour that shows an attention, too."""

    def attention(self, crop, clip):
        return np.full((4, 2, 1), 1 / 8)


def story(again=40):
    """Ann walks, is away for a second, walks on and is away for longer than identities stay open."""
    there = [{"ann": at(100 + 3 * i), "bob": at(560)} for i in range(40)]
    later = [{"ann": at(250 + 3 * i), "bob": at(560)} for i in range(again)]
    return film(there + [{"bob": at(560)}] * 25 + later + [{"bob": at(560)}] * 60)


def tracked(tracker, recording):
    for frame in recording.frames:
        tracker.update(recording.detections(frame.index), frame.image)
        yield tracker


def test_people_who_became_final_keep_crops_of_all_their_tracklets():
    tracker = ReadTracker(Attentive(), TrackerConfig(delay=0.2, correction=0.4))
    for _ in tracked(tracker, story(again=10)):  # over before it is final
        pass
    frames = [place.frame for place in tracker.live.gathering.places(0)]
    assert min(frames) < 40 and max(frames) >= 65


def test_whoever_is_found_again_is_looked_at_where_pictures_are_kept():
    tracker, asked = ReadTracker(Attentive(), TrackerConfig(delay=0.2, correction=0.4)), []
    tracker.illustrate(lambda image, people, rows: [asked.append(row) or f"row {row}" for row in rows])
    seen = [
        (one, shown)
        for each in tracked(tracker, story())
        for one, shown in zip(each.associations, each.compared, strict=True)
    ]
    assert asked and seen
    one, shown = seen[0]
    assert one.gap >= 20 and shown.probability > 0.9
    assert shown.places[0].frame >= 65 and all(place.frame < 40 for place in shown.places[1:])
    assert all(place.picture.startswith("row") for place in shown.places)
    assert shown.attention.shape[1:] == (2, 1) and len(shown.attention) == len(shown.places) - 1
    assert shown.attention.sum() == 1


def test_without_pictures_nothing_is_looked_at():
    tracker = ReadTracker(ByColour(), TrackerConfig(delay=0.2, correction=0.4))  # which has no attention to show
    assert not any(each.compared for each in tracked(tracker, story()))
