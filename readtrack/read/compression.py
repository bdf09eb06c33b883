"""Compression: a READ network whose gallery values live in fewer channels, for less work in every pair."""

from dataclasses import replace

import torch
from torch import Tensor

from readtrack.errors import InputError
from readtrack.read.model import Read


def compress(model: Read, rank: int, samples: Tensor | None = None) -> Read:
    """The same network with ``rank`` channels instead of c in the gallery's phi and in what fc1 makes of it.

    fc1 gives W_p a_p for the attended values a_p (c) of each query position p. With a basis U (c, r) the values become
    U^T phi_g, made once per video, and the weights W_p U. Without samples U holds the largest eigenvectors of
    sum_p W_p^T W_p, which changes the weights least; at rank c nothing changes but rounding. With samples the channels
    count by how much they vary, and what is lost of their mean goes into fc1's bias: exact, as attention sums to 1.

    Args:
        model: it is left as it is; tensors of the answer are its own, on the same device and of the same precision.
        rank: 1 to c, the channels that the model has now.
        samples: feature maps of video frames (..., C) as the video encoder makes them.

    Raises:
        InputError: no such rank, or a head that cannot be compressed.
    """
    config = model.config
    channels = config.rank or config.phi_dim
    if config.head == "metric":
        raise InputError("the metric head has no phi to compress")
    if config.head == "average":
        raise InputError("the averaging head pays for phi once per video, not per pair: compressing would save nothing")
    if config.memory_layout == "demo":
        raise InputError("the demo's memory mixes frames with channels after phi: no basis of phi fits, not compressed")
    if config.join == "compare":
        raise InputError("the comparing join needs |attended - query| channel by channel: it cannot be compressed")
    if not 1 <= rank <= channels:
        raise InputError(f"rank is {rank}: the network can be compressed to 1 to {channels} channels")
    phi = model.phi_gallery.weight.detach().double()  # (c, C)
    weights = model.fc1_weights()["attended"].detach().unflatten(1, (config.positions, channels))  # (d_F, P, c)
    if samples is None:
        spread, mean = torch.eye(channels).to(phi), phi.new_zeros(channels)
    else:
        values = samples.detach().flatten(0, -2).to(phi) @ phi.T  # (S, c)
        spread, mean = _root(torch.cov(values.T, correction=0).view(channels, channels)), values.mean(0)
    gram = torch.stack([block.flatten(0, 1).double().T @ block.flatten(0, 1).double() for block in weights.split(64)])
    basis = torch.linalg.eigh(spread @ gram.sum(0) @ spread)[1][:, -rank:]  # (c, r), ascending: the last are largest
    narrow, widen = basis.T @ torch.linalg.inv(spread), spread @ basis  # (r, c) and (c, r)
    lost = mean - widen @ narrow @ mean  # (c,)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items() if name != "fc1.weight"}
    state["phi_gallery.weight"] = (narrow @ phi).to(model.phi_gallery.weight)
    narrowed = {"attended": (weights @ widen.to(weights)).flatten(1)}  # (d_F, P * r)
    state["fc1.weight"] = torch.cat([narrowed.get(part, w.detach()) for part, w in model.fc1_weights().items()], dim=1)
    state["fc1.bias"] += (weights.sum(1).double() @ lost).to(state["fc1.bias"])
    with torch.device("meta"):
        answer = Read(replace(config, rank=rank))
    answer.load_state_dict(state, assign=True)
    return answer.train(model.training)


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance (c, c); directions without any variance keep a trace of it."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = vectors * values.clamp(min=1e-6 * values.max()).sqrt() @ vectors.T
    return root
