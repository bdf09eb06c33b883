"""The READ network: two encoders' feature maps in, the logit of "the same person" out.

Shim, Ho, Kim, Wee, "READ: Reciprocal Attention Discriminator for Image-to-Video Re-Identification", ECCV 2020.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from readtrack.errors import InputError

JOINS = {"paper": 2, "compare": 4}  # name -> how many maps fc1 sees
STRIDE = 16  # pixels per place, each way
BACKBONES = {"mobilenet_v2": 96}  # name -> channels C at stride 16


@dataclass(frozen=True)
class ReadConfig:
    """Everything that fixes the network's shape and what its inputs and outputs mean. The default is ``read-s``."""

    backbone: str = "mobilenet_v2"  # encoder up to stride 16; one encoder serves images and video frames
    height: int = 128  # crop height, pixels, a multiple of 16
    width: int = 64  # crop width, pixels, a multiple of 16
    clip_length: int = 4  # T, images of a tracklet that are compared at once
    theta_dim: int = 32  # channels of theta, the attention's keys and queries
    phi_dim: int = 64  # channels of phi, the attention's values
    feature_dim: int = 256  # d_F, outputs of fc1
    join: str = "compare"  # "paper": [attended, query] (Eq. 1); "compare": also |attended - query|, attended * query
    place_bias: bool = True  # learn how much each query place looks at each gallery place, whatever they show
    logit_scale: float = 1.0  # calibration: probability = sigmoid(logit_scale * logit + logit_offset)
    logit_offset: float = 0.0

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise InputError(f"backbone {self.backbone!r} is unknown: choose one of {', '.join(BACKBONES)}")
        if self.join not in JOINS:
            raise InputError(f"join {self.join!r} is unknown: choose one of {', '.join(JOINS)}")
        if self.height % STRIDE or self.width % STRIDE or min(self.height, self.width) < STRIDE:
            raise InputError(f"a crop of {self.height}x{self.width} pixels: both must be multiples of {STRIDE}")
        if min(self.clip_length, self.theta_dim, self.phi_dim, self.feature_dim) < 1:
            raise InputError("clip_length, theta_dim, phi_dim and feature_dim must be at least 1")

    @property
    def channels(self) -> int:
        """C, the channels of an encoded crop."""
        return BACKBONES[self.backbone]

    @property
    def places(self) -> int:
        """P = h * w, the places of an encoded crop."""
        return (self.height // STRIDE) * (self.width // STRIDE)


class Read(nn.Module):
    """The Reciprocal Attention Discriminator with one encoder for stills and video frames.

    A crop is encoded once: its features serve as a query when it is detected and as a frame of its tracklet later.
    """

    def __init__(self, config: ReadConfig) -> None:
        super().__init__()
        from torchvision.models import mobilenet_v2

        self.config = config
        c = config.channels
        self.encoder = mobilenet_v2(weights=None).features[:14]  # stride 16, 96 channels, linear bottleneck
        self.theta_query = nn.Linear(c, config.theta_dim, bias=False)
        self.theta_gallery = nn.Linear(c, config.theta_dim, bias=False)
        self.phi = nn.Linear(c, config.phi_dim, bias=False)  # one for both sides, so that they can be compared
        if config.place_bias:
            self.place_bias = nn.Parameter(torch.zeros(config.places, config.places))
        self.fc1 = nn.Linear(JOINS[config.join] * config.places * config.phi_dim, config.feature_dim)
        self.fc2 = nn.Linear(config.feature_dim, 1)

    def encode(self, images: Tensor) -> Tensor:
        """Normalised crops (B, 3, H, W) to feature maps (B, P, C), places in row order."""
        return self.encoder(images).flatten(2).transpose(1, 2)  # (B, P, C)

    def pool(self, features: Tensor) -> Tensor:
        """Feature maps (..., P, C) to one unit vector per crop (..., C): for trackers that can only take vectors."""
        return nn.functional.normalize(features.mean(-2), dim=-1)

    def attention(self, queries: Tensor, galleries: Tensor) -> Tensor:
        """Feature maps (N, P, C) and videos (M, T, P, C) to the softmaxed map (M, N, P, T * P) of Eq. 1."""
        m, t, p, _ = galleries.shape
        theta_q = self.theta_query(queries).flatten(0, 1)  # (N * P, d)
        theta_g = self.theta_gallery(galleries).flatten(1, 2)  # (M, T * P, d)
        scores = (theta_q @ theta_g.transpose(1, 2)).view(m, -1, p, t * p)  # (M, N, P, T * P)
        if self.config.place_bias:
            scores = scores + self.place_bias.repeat(1, t)
        return scores.softmax(-1)

    def compare(self, queries: Tensor, galleries: Tensor) -> Tensor:
        """Reciprocal attention feature F (Eq. 1, before the ReLU) of each query with each video.

        Args:
            queries: feature maps (N, P, C).
            galleries: feature maps of videos (M, T, P, C).

        Returns:
            F, (N, M, d_F).
        """
        n, p, _ = queries.shape
        m = galleries.shape[0]
        attention = self.attention(queries, galleries).flatten(1, 2)  # (M, N * P, T * P)
        attended = (attention @ self.phi(galleries).flatten(1, 2)).view(m, n, -1)  # (M, N, P * c)
        query = self.phi(queries).flatten(1)  # (N, P * c)
        weights = self.fc1.weight.view(self.config.feature_dim, JOINS[self.config.join], -1).unbind(1)
        own = nn.functional.linear(query, weights[1], self.fc1.bias)  # (N, d_F), once per query, exact
        joined = nn.functional.linear(attended, weights[0]) + own  # (M, N, d_F)
        if self.config.join == "compare":
            joined = joined + nn.functional.linear((attended - query).abs(), weights[2])
            joined = joined + nn.functional.linear(attended * query, weights[3])
        return joined.transpose(0, 1)  # (N, M, d_F)

    def classify(self, joined: Tensor) -> Tensor:
        """F (..., d_F) to the logit of "the same person" (...), Eq. 2."""
        return self.fc2(joined.relu()).squeeze(-1)

    def forward(self, images: Tensor, clips: Tensor) -> Tensor:
        """Stills (N, 3, H, W) and clips (M, T, 3, H, W), normalised, to logits (N, M)."""
        m, t = clips.shape[:2]
        galleries = self.encode(clips.flatten(0, 1)).unflatten(0, (m, t))  # (M, T, P, C)
        return self.classify(self.compare(self.encode(images), galleries))
