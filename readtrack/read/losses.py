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


def reciprocal_triplet_loss(joined: Tensor, pids: Tensor, margin: float = 0.3) -> Tensor:
    """Eq. 6, the mean over queries and videos: batch-hard triplets of F within each video's own space.

    Args:
        joined: F of each query image with each video, (K, M, d_F).
        pids: who each query image shows, (K,); each person at least twice.
        margin: Euclidean.
    """
    features = joined.transpose(0, 1)  # (M, K, d_F)
    distances = torch.cdist(features, features)  # (M, K, K)
    same = pids[:, None] == pids[None, :]
    return _hardest_gap(distances, same, margin)


def triplet_loss(features: Tensor, pids: Tensor, margin: float = 0.3) -> Tensor:
    """Batch-hard triplet loss on embeddings (K, D), Euclidean."""
    return _hardest_gap(torch.cdist(features, features), pids[:, None] == pids[None, :], margin)


def listwise_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of each query over the videos and of each video over the queries.

    Args:
        logits: (B, B); row and column i show the same person, no other pair does.
    """
    target = torch.arange(len(logits), device=logits.device)
    return functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)


def _hardest_gap(distances: Tensor, same: Tensor, margin: float) -> Tensor:
    itself = torch.eye(len(same), dtype=torch.bool, device=same.device)
    furthest = distances.masked_fill(~same | itself, -torch.inf).amax(-1)
    nearest = distances.masked_fill(same, torch.inf).amin(-1)
    return functional.relu(margin + furthest - nearest).mean()
