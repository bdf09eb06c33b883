"""The losses, worked out by hand and term by term."""

import math

import pytest
import torch

from readtrack.read import losses


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def test_discriminator_loss_is_equation_5():
    logits = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    same = torch.eye(2, dtype=torch.bool)
    p = torch.sigmoid(logits)
    expected = -(p[0, 0].log() + p[1, 1].log()) / 2 - ((1 - p[0, 1]).log() + (1 - p[1, 0]).log()) / 2
    torch.testing.assert_close(losses.discriminator_loss(logits, same), expected)


def equation_6(joined, pids):
    """The sum over queries of each video's terms, one by one; joined is (K, M, d_F)."""
    sums = []
    for j in range(joined.shape[1]):
        total = 0.0
        for k, pid in enumerate(pids):
            d = [torch.dist(other, joined[k, j]).item() for other in joined[:, j]]
            furthest = max([d[i] for i in range(len(d)) if pids[i] == pid and i != k], default=0.0)
            nearest = min(d[i] for i in range(len(d)) if pids[i] != pid)
            total += max(0.0, 0.3 + furthest - nearest)
        sums.append(total)
    return sums


@pytest.mark.parametrize("pids", [[0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 2, 2], [0, 1, 2, 3, 4, 5]])
def test_reciprocal_triplet_loss_is_equation_6(pids):
    joined, queries, galleries = 0.1 * random(6, 3, 5), torch.tensor(pids), torch.tensor([0, 1, 2])
    sums = equation_6(joined, pids)
    assert sum(sums) > 0.01
    found = losses.reciprocal_triplet_loss(joined, queries, galleries)
    assert found.item() == pytest.approx(sum(sums) / 3 / 6, abs=1e-5)
    found = losses.reciprocal_triplet_loss(joined, queries, galleries, reduction="sum")
    assert found.item() == pytest.approx(sum(sums) / 3, abs=1e-5)


@pytest.mark.parametrize("galleries", [[0, 0, 1, 1], [0, 1, 2, 3]])
def test_the_other_direction_is_among_the_videos_of_each_query(galleries):
    joined, queries = 0.1 * random(6, 4, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    sums = equation_6(joined.transpose(0, 1), galleries)
    arguments = (joined, queries, torch.tensor(galleries))
    found = losses.reciprocal_triplet_loss(*arguments, direction="galleries")
    assert found.item() == pytest.approx(sum(sums) / 6 / 4, abs=1e-5)
    found = losses.reciprocal_triplet_loss(*arguments, direction="galleries", reduction="sum")
    assert found.item() == pytest.approx(sum(sums) / 6, abs=1e-5)


def test_a_lone_query_is_its_own_positive_and_pushes_others_away():
    joined = torch.tensor([[[0.0]], [[0.1]], [[5.0]]], requires_grad=True)
    pids = torch.tensor([0, 1, 2])
    loss = losses.reciprocal_triplet_loss(joined, pids, torch.tensor([0]), reduction="sum")
    assert loss.item() == pytest.approx(0.2 + 0.2)
    loss.backward()
    assert joined.grad.flatten().tolist() == pytest.approx([2.0, -2.0, 0.0])


def test_triplet_loss_takes_the_hardest():
    features, pids = torch.tensor([[0.0], [1.0], [3.0], [1.2]]), torch.tensor([0, 0, 0, 1])
    terms = [0.3 + 3 - 1.2, 0.3 + 2 - 0.2, 0.3 + 3 - 1.8, 0.3 + 0 - 0.2]
    assert losses.triplet_loss(features, pids).item() == pytest.approx(sum(terms) / 4, abs=1e-5)


def test_listwise_loss_prefers_the_diagonal():
    same = torch.eye(4, dtype=torch.bool)
    assert losses.listwise_loss(10 * torch.eye(4), same) < 0.01 < losses.listwise_loss(torch.zeros(4, 4), same)
    logits, target = random(4, 4), torch.arange(4)
    cross_entropy = torch.nn.functional.cross_entropy
    torch.testing.assert_close(
        losses.listwise_loss(logits, same), cross_entropy(logits, target) + cross_entropy(logits.T, target)
    )


def test_several_positives_share_the_listwise_probability():
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    even = torch.tensor([[9.0, 9.0, 0.0], [9.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    assert losses.listwise_loss(even, same).item() == pytest.approx(2 * 2 / 3 * math.log(2), abs=1e-3)
    one_sided = even + torch.tensor([[9.0, 0.0, 0.0]] * 2 + [[0.0] * 3])
    assert losses.listwise_loss(one_sided, same) > losses.listwise_loss(even, same) + 1
