"""Matchers and trackers pickled, after a fork and in two threads at once; and weights that are none."""

import copy
import os
import pickle
import threading
import time

import numpy as np
import onnx
import pytest
import supervision as sv
import torch
from onnx import numpy_helper

from readtrack import InputError, Matcher, ReadTracker, Relinker, TrackletMemory
from readtrack.offline import OfflineTracker
from readtrack.read.checkpoint import save_checkpoint
from readtrack.read.graphs import write_onnx

IMAGES = np.random.default_rng(0).integers(0, 255, (3, 120, 160, 3), dtype=np.uint8)


def people(number):
    boxes = np.array([[10.0 + number, 10, 60 + number, 110], [90.0 - number, 10, 140 - number, 110]])
    return sv.Detections(boxes, confidence=np.full(2, 0.9))


def track(tracker, count=14):
    """Ids of two people who cross."""
    return [tracker.update(people(6 * i), IMAGES[i % 3]).tracker_id.tolist() for i in range(count)]


@pytest.fixture(params=["torch", "onnx"])
def matcher(request, tiny_model, tmp_path):
    if request.param == "torch":
        return Matcher(tiny_model, "cpu")
    write_onnx(tmp_path / "tiny.onnx", tiny_model, {})
    return Matcher.load(tmp_path / "tiny.onnx", "cpu", threads=2)


def asked(matcher):
    crops = matcher.describe(IMAGES[0], people(0))["crop"]
    return matcher.similarity(crops, [[crop] for crop in crops])


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_what_was_used_can_be_pickled_and_goes_on_alike(matcher, copied):
    answer = asked(matcher)
    assert np.array_equal(asked(copied(matcher)), answer)
    for tracker in (ReadTracker(matcher), OfflineTracker(matcher)):
        track(tracker, 7)
        other = copied(tracker)
        assert track(other, 7) == track(tracker, 7)
    memory = TrackletMemory(matcher)
    memory.remember("ann", list(IMAGES))
    assert copied(memory).who([IMAGES[0]]) == memory.who([IMAGES[0]])
    relinker = Relinker(matcher)
    for host in (1, 2):
        relinker.update(people(0).xyxy, [host, 5], IMAGES[0])
    other = copied(relinker)
    for host in (2, 3):
        given = (people(0).xyxy, [host, 5], IMAGES[0])
        assert other.update(*given).tolist() == relinker.update(*given).tolist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork_it_answers_alike(matcher):
    answer = asked(matcher)
    child = os.fork()
    if not child:
        os._exit(0 if np.allclose(asked(matcher), answer) else 1)
    deadline = time.monotonic() + 60
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    if not ended[0]:
        os.kill(child, 9)
    assert ended == (child, 0)


def test_two_threads_give_what_each_gives_alone(matcher):
    alone, found = track(ReadTracker(matcher)), {}
    threads = [
        threading.Thread(target=lambda number=number: found.update({number: track(ReadTracker(matcher))}))
        for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: alone, 1: alone}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tiny_model, tmp_path, value):
    write_onnx(tmp_path / "tiny.onnx", tiny_model, {})
    for part in ("tiny.onnx", "tiny.encoder.onnx"):
        graph = onnx.load(str(tmp_path / part))
        whole = graph.SerializeToString()
        weights = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        spoilt = numpy_helper.to_array(weights).copy()
        spoilt.flat[:] = value
        weights.CopyFrom(numpy_helper.from_array(spoilt, weights.name))
        onnx.save(graph, str(tmp_path / part))
        with pytest.raises(InputError, match=r"tiny\.onnx: answers with numbers that are not finite"):
            Matcher.load(tmp_path / "tiny.onnx", "cpu")
        (tmp_path / part).write_bytes(whole)
    with torch.no_grad():
        tiny_model.fc1.weight[0, 0] = value
    save_checkpoint(tmp_path / "tiny.safetensors", tiny_model, {})
    with pytest.raises(InputError, match=r"fc1\.weight holds numbers that are not finite"):
        Matcher.load(tmp_path / "tiny.safetensors")
