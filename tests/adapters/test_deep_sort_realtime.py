"""READ in deep-sort-realtime: as its embedder (vectors) and as its metric (pairs)."""

import numpy as np
import pytest
from painted import ByColour, at, away_and_back, paint

from readtrack.adapters.deep_sort_realtime import WAIT, PairMetric, VectorEmbedder, deep_sort
from readtrack.errors import InputError
from readtrack.read.matcher import Matcher

host = pytest.importorskip(
    "deep_sort_realtime.deepsort_tracker",
    reason="deep-sort-realtime is not installed: pip install readtrack[deep-sort-realtime]",
)


def raw(people):
    tlwh = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in people.xyxy.tolist()]
    return [(box, 0.9, name) for box, name in zip(tlwh, people.data["name"], strict=True)]


def play(tracker, frames, flip=False):
    told = {}
    for places in frames:
        image, people = paint(places)
        people.data["name"] = list(places)
        for track in tracker.update_tracks(raw(people), frame=image[..., ::-1] if flip else image):
            if track.is_confirmed() and track.time_since_update == 0:
                told.setdefault(track.get_det_class(), []).append(track.track_id)
    return told


@pytest.mark.parametrize("bgr", [True, False])
def test_pairs_bring_somebody_back_after_long(bgr):
    tracker = deep_sort(ByColour(), bgr=bgr)
    assert isinstance(tracker, host.DeepSort)
    told = play(tracker, away_and_back(gap=50), flip=not bgr)
    assert told["ann"][0] == told["ann"][-1] and len(set(told["bob"])) == 1


def test_pairs_part_who_looks_different():
    told = play(deep_sort(ByColour(), max_age=60), away_and_back(gap=20, other="cid"))
    assert not set(told["ann"]) & set(told["cid"])


def test_features_are_remembered_once_and_forgotten_with_their_tracks():
    metric = PairMetric(ByColour(), gallery_size=4)
    image, _ = paint({"ann": at(100)})
    crop = image[150:290, 80:120]
    handles = metric.predict([crop, crop[:0], crop[:1]])
    assert [h.dtype for h in handles] == [np.float32] * 3 and handles[1] == handles[2] == -1
    for _ in range(3):  # the host hands in the latest feature again while a track is missed
        metric.partial_fit(np.array(handles[:2]), ["1", "2"], ["1", "2"])
    assert len(metric._galleries["1"].crops) == 1 and "2" not in metric._galleries
    cost = metric.distance(np.array(handles), ["1", "2"])
    np.testing.assert_allclose(cost, [[0.02, 1, 1], [1, 1, 1]])
    for _ in range(40):
        metric.partial_fit(np.array(metric.predict([crop])), ["1"], ["1"])
    assert len(metric._galleries["1"].crops) <= 4
    for _ in range(WAIT):
        metric.partial_fit(np.zeros((0,)), [], [])
    assert metric._galleries == metric._latest == metric._crops == {}


def test_zero_size_and_outlying_boxes_and_empty_frames():
    tracker = deep_sort(ByColour())
    image, _ = paint({})
    odd = [([50, 50, 0, 10], 0.9, "x"), ([900, 900, 50, 90], 0.9, "x"), ([-90, -90, 20, 20], 0.9, "x")]
    for _ in range(5):
        tracker.update_tracks(odd, frame=image)
    assert [track.is_confirmed() for track in tracker.tracker.tracks] == [True, True]
    assert tracker.update_tracks([], frame=image) is not None


def test_vectors_serve_as_their_embedder(tiny_model):
    embedder = VectorEmbedder(Matcher(tiny_model, "cpu"))
    image, _ = paint({"ann": at(100)})
    crop = image[150:290, 80:120]
    vectors = embedder.predict([crop, crop[:0], crop, crop[:, :1]])
    assert [vector.shape for vector in vectors] == [(embedder.matcher.dimension,)] * 4
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert embedder.predict([]) == []
    tracker = host.DeepSort(embedder=None)
    tracker.embedder = VectorEmbedder(ByColour())
    told = play(tracker, [{"ann": at(100 + 3 * i), "bob": at(500)} for i in range(20)])
    assert len(set(told["ann"])) == len(set(told["bob"])) == 1


def test_wrong_settings_are_told():
    with pytest.raises(InputError, match="embedder"):
        deep_sort(ByColour(), embedder="mobilenet")
    with pytest.raises(InputError, match="nonsense"):
        deep_sort(ByColour(), nonsense=1)
    with pytest.raises(InputError, match="min_probability=1.5"):
        deep_sort(ByColour(), min_probability=1.5)
    with pytest.raises(InputError, match="nowhere"):
        deep_sort("nowhere")


def test_frames_that_are_no_colour_images_are_told():
    for frame in (np.zeros((90, 90), np.uint8), np.zeros((90, 90, 4), np.uint8), np.zeros((90, 90, 3))):
        for embedder in (PairMetric(ByColour()), VectorEmbedder(ByColour())):
            with pytest.raises(InputError, match="uint8"):
                embedder.predict([frame])


def test_ids_and_memory_start_anew_after_a_reset():
    tracker = deep_sort(ByColour())
    play(tracker, [{"ann": at(100)}] * 5)
    tracker.delete_all_tracks()
    told = play(tracker, [{"cid": at(100)}] * 5)
    assert set(told["cid"]) == {"1"} and len(tracker.embedder._galleries) == 1
