"""What READ is trained on: logits and features of every query with every video of a batch."""

import torch
from torch import Tensor
from torch.nn import functional


def discriminator_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Eq. 5: binary cross-entropy, the mean over positive pairs plus the mean over negative pairs.

    Args:
        logits: (N, M), already averaged over the query images (Eq. 3).
        same: (N, M) bool, whether query and video show one person; both kinds must occur.
    """
    return functional.softplus(-logits[same]).mean() + functional.softplus(logits[~same]).mean()


def reciprocal_triplet_loss(
    joined: Tensor,
    queries: Tensor,
    galleries: Tensor,
    margin: float = 0.3,
    direction: str = "queries",
    reduction: str = "mean",
) -> Tensor:
    """Eq. 6: batch-hard triplets of F among all queries, within each video's own space.

    A query that is the only one of its person has itself as its furthest positive, at distance 0: its term is
    [m - nearest negative]_+. Table 3c counts likewise (|P_q| = 1 for a lone query), though Eq. 6's text does not.

    Args:
        joined: F of each query image with each video, (K, M, d_F).
        queries: who each query image shows, (K,); at least two people.
        galleries: who each video shows, (M,).
        margin: m, Euclidean.
        direction: "queries", as above, or "galleries": among all videos, within each query's space (Table 3d).
        reduction: over a space's terms, "mean" or, as written in the paper, "sum"; the mean over spaces is taken of it.
    """
    features, pids = (joined.transpose(0, 1), queries) if direction == "queries" else (joined, galleries)
    gaps = _hardest_gaps(torch.cdist(features, features), pids, margin)  # (M, K) or (K, M)
    return gaps.mean() if reduction == "mean" else gaps.sum(-1).mean()


def triplet_loss(features: Tensor, pids: Tensor, margin: float = 0.3) -> Tensor:
    """Batch-hard triplet loss on embeddings (K, D), Euclidean; a lone positive's distance is 0."""
    return _hardest_gaps(torch.cdist(features, features), pids, margin).mean()


def listwise_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of each query over the videos and of each video over the queries.

    Args:
        logits: (N, M).
        same: (N, M) bool, at least one in each row and column; several share the probability evenly.
    """
    targets = same.to(logits.dtype)
    rows, columns = targets / targets.sum(1, keepdim=True), targets.T / targets.T.sum(1, keepdim=True)
    return functional.cross_entropy(logits, rows) + functional.cross_entropy(logits.T, columns)


def likeness_loss(vectors: Tensor, wanted: Tensor, temperature: float = 0.07) -> Tensor:
    """How far each crop's likenesses to the rest of a batch are from those that a teacher sees: KL divergence.

    Args:
        vectors: unit vectors (K, D); each crop's cosines to the others go through a softmax.
        wanted: the teacher's (K, E).
        temperature: of both softmaxes.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    found, target = ((v @ v.T / temperature).masked_fill(itself, -1e4) for v in (vectors, wanted))
    return functional.kl_div(found.log_softmax(1), target.log_softmax(1), reduction="batchmean", log_target=True)


def map_loss(maps: Tensor, wanted: Tensor, width: int) -> Tensor:
    """Squared distance of maps (K, P, C) and a teacher's, in units of the latter's size; mirrored crops do not count.

    Both are added to their mirror images, since a crop may be mirrored where its teacher saw it as it was.

    Args:
        maps: feature maps, positions in row order.
        wanted: the teacher's.
        width: positions in a row.
    """
    gaps = (maps - wanted).unflatten(1, (-1, width))
    size = wanted.square().sum(-1).mean()
    answer: Tensor = (gaps + gaps.flip(2)).square().sum(-1).mean() / (4 * size)
    return answer


def _hardest_gaps(distances: Tensor, pids: Tensor, margin: float) -> Tensor:
    """[m + furthest positive - nearest negative]_+ of each item, (..., K) from distances (..., K, K)."""
    same = pids[:, None] == pids[None, :]
    itself = torch.eye(len(pids), dtype=torch.bool, device=pids.device)
    furthest = distances.masked_fill(itself, 0).masked_fill(~same, -torch.inf).amax(-1)
    nearest = distances.masked_fill(same, torch.inf).amin(-1)
    return functional.relu(margin + furthest - nearest)
