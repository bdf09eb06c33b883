"""The READ network: two encoders' feature maps in, the logit of "the same person" out.

Shim, Ho, Kim, Wee, "READ: Reciprocal Attention Discriminator for Image-to-Video Re-Identification", ECCV 2020.
"""

from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor, nn

from readtrack.read.config import JOINS, ReadConfig
from readtrack.read.encoders import image_encoder, video_encoder

EncodingT = TypeVar("EncodingT", bound="Encoding")
COSINE_WEIGHT = 12.0  # of the pooled features' cosine in the logit, before training


@dataclass(frozen=True, eq=False)
class Encoding:
    """What one side of a pair needs only itself for; computed once, used in every pair."""

    def __getitem__(self: EncodingT, index: slice | Tensor) -> EncodingT:
        """The same for some of the queries or videos."""
        return type(self)(*(getattr(self, field.name)[index] for field in fields(self)))

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True, eq=False)
class QueryEncoding(Encoding):
    """What pairs need of N query images alone; what the head does not need has width 0."""

    own: Tensor  # (N, d_F) fc1's answer to the query's own map, or (N, C) the pooled features (metric head)
    theta: Tensor  # (N, P, d)
    phi: Tensor  # (N, P * c), for the comparing join
    pooled: Tensor  # (N, C) of unit length, for ``pooled_cosine``


@dataclass(frozen=True, eq=False)
class GalleryEncoding(Encoding):
    """What pairs need of M gallery videos alone; what the head does not need has width 0."""

    theta: Tensor  # (M, T * P, d)
    phi: Tensor  # (M, T * P, c); (M, P, c) averaged over the frames; or (M, C) pooled (metric head)
    pooled: Tensor  # (M, C) of unit length, for ``pooled_cosine``


class Read(nn.Module):
    """The Reciprocal Attention Discriminator, and the baselines of Table 1 as other heads."""

    def __init__(self, config: ReadConfig) -> None:
        super().__init__()
        self.config = config
        c, phi = config.channels, config.phi_dim
        self.encoder = image_encoder(config)
        if not config.shared_encoder:
            self.video_encoder = video_encoder(config)
        if config.head == "metric":
            return
        if config.head == "attention":
            self.theta_query = nn.Linear(c, config.theta_dim, bias=False)
            self.theta_gallery = nn.Linear(c, config.theta_dim, bias=False)
            if config.place_bias:
                self.place_bias = nn.Parameter(torch.zeros(config.positions, config.positions))
        if config.shared_phi:
            self.phi = nn.Linear(c, phi, bias=False)
        else:
            self.phi_query = nn.Linear(c, phi, bias=False)
            self.phi_gallery = nn.Linear(c, config.rank or phi, bias=False)
        self.fc1 = nn.Linear(sum(self._widths().values()), config.feature_dim)
        self.fc2 = nn.Linear(config.feature_dim + config.pooled_cosine, config.classes)
        if config.pooled_cosine:  # the beginning: what pooled features say, 0.5 at a cosine of a half
            nn.init.constant_(self.fc2.weight[:, -1:], COSINE_WEIGHT)
            nn.init.constant_(self.fc2.bias, -1.5 * COSINE_WEIGHT)

    def encode(self, images: Tensor) -> Tensor:
        """Normalised crops (B, 3, H, W) to feature maps (B, P, C), positions in row order."""
        maps: Tensor = self.encoder(images)  # (B, C, h, w)
        return maps.flatten(2).transpose(1, 2)  # (B, P, C)

    def encode_videos(self, clips: Tensor) -> Tensor:
        """Normalised clips (M, T, 3, H, W) to feature maps (M, T, P, C)."""
        encoder = self.encoder if self.config.shared_encoder else self.video_encoder
        length = clips.shape[1:2] if any(self.config.non_local) else ()  # non-local blocks look across a clip
        maps: Tensor = encoder(clips.flatten(0, 1), *length)  # (M * T, C, h, w)
        maps = maps.flatten(2).transpose(1, 2).unflatten(0, clips.shape[:2])  # (M, T, P, C)
        return maps

    def pool(self, features: Tensor) -> Tensor:
        """Feature maps (..., P, C) to one unit vector per crop (..., C): for trackers that can only take vectors."""
        return nn.functional.normalize(features.mean(-2), dim=-1)

    def queries(self, features: Tensor) -> QueryEncoding:
        """What pairs need of queries alone. The query's own part of fc1 is computed here, once: exact.

        Args:
            features: feature maps of N images (N, P, C).
        """
        none = features[:, :0, 0]
        if self.config.head == "metric":
            return QueryEncoding(features.mean(1), none, none, none)
        phi = (self.phi if self.config.shared_phi else self.phi_query)(features).flatten(1)  # (N, P * c)
        own = nn.functional.linear(phi, self.fc1_weights()["query"], self.fc1.bias)  # (N, d_F)
        theta = self.theta_query(features) if self.config.head == "attention" else none
        pooled = self.pool(features) if self.config.pooled_cosine else none
        return QueryEncoding(own, theta, phi if self.config.join == "compare" else none, pooled)

    def galleries(self, features: Tensor) -> GalleryEncoding:
        """What pairs need of gallery videos alone.

        Args:
            features: feature maps of M videos (M, T, P, C).
        """
        none = features[:, :0, 0, 0]
        if self.config.head == "metric":
            return GalleryEncoding(none, features.mean((1, 2)), none)
        phi = (self.phi if self.config.shared_phi else self.phi_gallery)(features)  # (M, T, P, c)
        if self.config.head == "average":
            return GalleryEncoding(none, phi.mean(1), self._pooled_videos(features))
        theta = self.memory(self.theta_gallery(features))
        return GalleryEncoding(theta, self.memory(phi), self._pooled_videos(features))

    def memory(self, values: Tensor) -> Tensor:
        """Theta or phi of videos (M, T, P, c) as the attention reads them, (M, T * P, c), by the memory's layout."""
        if self.config.memory_layout == "paper":
            return values.flatten(1, 2)
        mixed = values.transpose(2, 3).reshape(values.shape[0], values.shape[3], -1)  # (M, c, T * P)
        return mixed.transpose(1, 2)

    def attention(self, stills: QueryEncoding, videos: GalleryEncoding) -> Tensor:
        """The softmaxed map (M, N, P, T * P) of Eq. 1; needs the attention head."""
        m, positions = videos.theta.shape[:2]
        n, p, _ = stills.theta.shape
        theta = stills.theta.flatten(0, 1).expand(m, -1, -1)  # (M, N * P, d)
        if self.config.place_bias:  # added within the product: one pass less over the scores
            bias = self.place_bias.repeat(n, positions // p)  # (N * P, T * P)
            scores = torch.baddbmm(bias, theta, videos.theta.transpose(1, 2))  # (M, N * P, T * P)
        else:
            scores = torch.bmm(theta, videos.theta.transpose(1, 2))
        scores = scores.view(m, n, p, positions)
        return scores.softmax(-1, dtype=torch.float32).to(scores.dtype)

    def join(self, stills: QueryEncoding, videos: GalleryEncoding) -> Tensor:
        """F (Eq. 1, before the ReLU) of each query with each video, (N, M, d_F).

        The metric head's F is the difference of pooled features (N, M, C).
        """
        if self.config.head == "metric":
            return stills.own[:, None] - videos.phi
        m, n = len(videos), len(stills)
        if self.config.head == "average":
            attended = videos.phi.flatten(1)[:, None]  # (M, 1, P * c)
        else:
            attention = self.attention(stills, videos).flatten(1, 2)  # (M, N * P, T * P)
            attended = (attention @ videos.phi).view(m, n, -1)  # (M, N, P * c)
        weights = self.fc1_weights()
        joined = nn.functional.linear(attended, weights["attended"]) + stills.own  # (M, N, d_F)
        if self.config.join == "compare":
            joined += nn.functional.linear((attended - stills.phi).abs_(), weights["difference"])
            joined += nn.functional.linear(attended * stills.phi, weights["product"])
        return self.with_cosine(joined.transpose(0, 1), stills, videos)

    def with_cosine(self, joined: Tensor, stills: QueryEncoding, videos: GalleryEncoding) -> Tensor:
        """F (N, M, d_F) and, where the network has ``pooled_cosine``, 1 + the cosine in [0, 2] as its last number."""
        if not self.config.pooled_cosine:
            return joined
        return torch.cat([joined, (1 + stills.pooled @ videos.pooled.T)[..., None]], dim=-1)  # (N, M, d_F + 1)

    def compare(self, queries: Tensor, galleries: Tensor) -> Tensor:
        """F of feature maps (N, P, C) with feature maps of videos (M, T, P, C): (N, M, d_F)."""
        return self.join(self.queries(queries), self.galleries(galleries))

    def classes(self, joined: Tensor) -> Tensor:
        """F (..., d_F) to fc2's outputs (..., 1 or 2), Eq. 2; the metric head's is the negative distance."""
        if self.config.head == "metric":
            distance: Tensor = torch.linalg.vector_norm(joined, dim=-1, keepdim=True)
            return -distance
        outputs: Tensor = self.fc2(joined.relu())
        return outputs

    def classify(self, joined: Tensor) -> Tensor:
        """F (..., d_F) to the logit of "the same person" (...): of two classes, the difference of their logits."""
        outputs = self.classes(joined)
        return outputs[..., 0] if outputs.shape[-1] == 1 else outputs[..., 1] - outputs[..., 0]

    def forward(self, images: Tensor, clips: Tensor) -> Tensor:
        """Stills (N, 3, H, W) and clips (M, T, 3, H, W), normalised, to logits (N, M)."""
        return self.classify(self.compare(self.encode(images), self.encode_videos(clips)))

    def _pooled_videos(self, features: Tensor) -> Tensor:
        """The mean of the pooled features of M videos' frames (M, T, P, C), unit length (M, C), where it is used."""
        if not self.config.pooled_cosine:
            return features[:, :0, 0, 0]
        return nn.functional.normalize(self.pool(features).mean(1), dim=-1)

    def _widths(self) -> dict[str, int]:
        """Columns of fc1 for each map it sees, in order; positions in row order, channels within."""
        config = self.config
        narrow, wide = config.positions * (config.rank or config.phi_dim), config.positions * config.phi_dim
        return {part: narrow if part == "attended" else wide for part in JOINS[config.join]}

    def fc1_weights(self) -> dict[str, Tensor]:
        """fc1's weights (d_F, columns) for each map it sees."""
        widths = self._widths()
        return dict(zip(widths, self.fc1.weight.split(list(widths.values()), dim=1), strict=True))
