"""READ in boxmot: identities repaired behind its trackers, vectors in its re-ID slot."""

import warnings

import numpy as np
import pytest
from painted import ByColour, at, away_and_back, paint

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the host's own
    boxmot = pytest.importorskip("boxmot", reason="boxmot is not installed: pip install readtrack[boxmot]")

import torch

from readtrack.adapters.boxmot import Encoder, Relinker
from readtrack.errors import InputError
from readtrack.read.matcher import Matcher

pytestmark = pytest.mark.filterwarnings("ignore")  # the host's own


def rows_of(people):
    return np.column_stack([people.xyxy, people.confidence, people.class_id]).astype(np.float32).reshape(-1, 6)


def play(host, frames, relinker=None):
    told = {}
    for places in frames:
        image, people = paint(places)
        rows = host.update(rows_of(people), image)
        answer = rows if relinker is None else relinker.update(rows, image)
        assert answer.shape == rows.shape and answer.dtype == rows.dtype
        np.testing.assert_array_equal(np.delete(answer, 4, axis=1), np.delete(rows, 4, axis=1))
        for row in answer:
            told.setdefault(list(places)[int(row[7])], []).append(int(row[4]))
    return told


@pytest.mark.parametrize("host", ["ByteTrack", "OcSort", "BotSort"])
def test_identities_are_repaired_behind_their_trackers(host):
    def make():
        plain = {"use_embeddings": False, "use_cmc": False} if host == "BotSort" else {}
        return getattr(boxmot, host)(**plain)

    alone = play(make(), away_and_back())["ann"]
    assert alone[0] != alone[-1]
    relinker = Relinker(ByColour())
    told = play(make(), away_and_back(), relinker)
    assert told["ann"][0] == told["ann"][-1] != told["bob"][-1] == told["bob"][0]
    relinker.reset()
    assert relinker.renamed == relinker.merged == {} and relinker.associations == []


def test_empty_frames_and_wrong_rows():
    relinker, image = Relinker(ByColour()), paint({})[0]
    assert relinker.update(np.zeros((0, 8), np.float32), image).shape == (0, 8)
    assert relinker.update(np.array([]), image).shape == (0, 8)
    outside = np.array([[900, 900, 950, 990, 5, 0.9, 0, 0]], np.float32)
    assert relinker.update(outside, None)[0, 4] == 1 and outside[0, 4] == 5
    with pytest.raises(InputError, match=r"\(1, 9\)"):
        relinker.update(np.zeros((1, 9)), image)
    with pytest.raises(InputError, match="not a number"):
        relinker.update(np.full((1, 8), np.nan), image)
    with pytest.raises(InputError, match="nowhere"):
        Relinker("nowhere")


def test_the_encoder_is_what_they_call_an_appearance_encoder(tiny_model):
    from boxmot.reid import AppearanceEncoder
    from boxmot.structures import Boxes, Detections, Frame, OrientedBoxes

    encoder = Encoder(Matcher(tiny_model, "cpu"))
    assert isinstance(encoder, AppearanceEncoder)
    image, people = paint({"ann": at(100), "bob": at(500)})
    outside = torch.tensor([[900.0, 900, 950, 990], [-9.0, -9, -3, -3]])
    geometry = Boxes(torch.cat([torch.from_numpy(people.xyxy).float(), outside]))
    frame = Frame(torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()), "0")
    found = Detections(geometry, torch.full((4,), 0.9), torch.zeros(4, dtype=torch.int64), "0")
    nobody = Detections(Boxes(torch.zeros(0, 4)), torch.zeros(0), torch.zeros(0, dtype=torch.int64), "0")
    vectors, none = encoder.encode([frame, frame], [found, nobody])
    assert vectors.shape == (4, encoder.embedding_dim) and none.shape == (0, encoder.embedding_dim)
    assert vectors.dtype == torch.float32 and vectors.device.type == "cpu"
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))
    np.testing.assert_allclose(vectors.numpy(), encoder.get_features(geometry.values.numpy(), image), atol=1e-5)
    turned = Detections(OrientedBoxes(torch.ones(1, 5)), torch.ones(1), torch.zeros(1, dtype=torch.int64), "0")
    with pytest.raises(InputError, match="upright"):
        encoder.encode([frame], [turned])
    with pytest.raises(InputError, match="1 frames and 0"):
        encoder.encode([frame], [])


def test_the_encoder_serves_their_trackers():
    host = boxmot.BotSort(reid_model=Encoder(ByColour()), use_cmc=False)
    frames = [{"ann": at(100 + 3 * i), "bob": at(500)} for i in range(20)]
    frames[5]["cid"] = [900, 900, 950, 990]
    told = play(host, frames)
    assert len(set(told["ann"])) == len(set(told["bob"])) == 1
