"""How fast pairs are judged, beside what the machine could do."""

import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from readtrack.errors import InputError
from readtrack.read.compression import compress
from readtrack.read.config import JOINS, READ_R50, READ_S, ReadConfig
from readtrack.read.crops import normalise
from readtrack.read.matcher import Matcher
from readtrack.read.model import Read

NETWORKS = {"read-s": READ_S, "read-r50": READ_R50}
TABLE_4 = {"a batch": (32, 32), "Duke": (702, 2_636), "MARS": (1_980, 11_310)}  # the paper's queries x videos
PEAK_SIZE = {"cuda": 8192, "cpu": 2048}  # rows and columns of the matrix product
SIDE = 16  # queries and videos that rates are measured on, enough for whole blocks of pairs
PAIRS = 64  # at once where nothing is shared between pairs


def multiply_adds(config: ReadConfig) -> dict[str, int]:
    """What one pair costs once theta and phi are there (attention head), by part; fc1's query part can be hoisted."""
    positions, values = config.positions, config.rank or config.phi_dim
    maps = len(JOINS[config.join]) - 1  # fc1's that depend on the video
    return {
        "attention": positions**2 * config.clip_length * config.theta_dim,
        "weighted sum": positions**2 * config.clip_length * values,
        "fc1 attended": positions * values * config.feature_dim * maps,
        "fc1 query": positions * config.phi_dim * config.feature_dim,
    }


def equation_1(model: Read, query: tuple[Tensor, Tensor], gallery: tuple[Tensor, Tensor]) -> Tensor:
    """Logits (B,) of B pairs, written as Eq. 1 and 2 are: no part is shared between pairs.

    Args:
        model: with the attention head.
        query: theta and phi of the queries, (B, P, d) and (B, P, c).
        gallery: theta and phi of the videos, (B, T * P, d) and (B, T * P, c).
    """
    scores = query[0] @ gallery[0].transpose(1, 2)  # (B, P, T * P)
    if model.config.place_bias:
        scores = scores + model.place_bias.repeat(1, model.config.clip_length)
    attended = scores.softmax(-1) @ gallery[1]  # (B, P, c)
    maps = {"attended": attended, "query": query[1]}
    if model.config.join == "compare":
        maps |= {"difference": (attended - query[1]).abs(), "product": attended * query[1]}
    joined = torch.cat([maps[part].flatten(1) for part in JOINS[model.config.join]], dim=1)  # (B, columns of fc1)
    return model.classify(model.fc1(joined).float())


def _compressible(config: ReadConfig) -> bool:
    """Whether the gallery's values fit into fewer channels."""
    return config.join != "compare" and config.memory_layout == "paper"


class Bench:
    """One network on one device, with features of its own to judge."""

    def __init__(
        self,
        network: str = "read-s",
        weights: str | Path | None = None,
        device: str | None = None,
        precision: str = "fp32",
        ranks: Sequence[int] = (),
        seconds: float = 5.0,
        memory_mb: float | None = None,
    ) -> None:
        """Load the network.

        Args:
            network: one of ``NETWORKS``, with random weights.
            weights: a shipped name or a file instead.
            device: None takes a GPU where there is one.
            precision: "fp32", "bf16" or "fp16".
            ranks: to compress to, as far as the network allows.
            seconds: for each measurement.
            memory_mb: the matcher's; None: its own choice.

        Raises:
            InputError: it cannot be used, or its head has no attention.
        """
        self.weights, self.seconds = weights, seconds
        if weights is None:
            torch.manual_seed(0)
            model = Read(NETWORKS[network])
        else:
            from readtrack.read.checkpoint import load_checkpoint

            model = load_checkpoint(weights)[0]
        if model.config.head != "attention":
            raise InputError(f"the head {model.config.head!r} has no attention to measure")
        ranks = [r for r in ranks if r < model.config.phi_dim and _compressible(model.config)]
        compressed = {f"rank {r}": compress(model, r) for r in ranks}
        take = device, precision, memory_mb
        self.matchers = {name: Matcher(network, *take) for name, network in {"hoisted": model, **compressed}.items()}
        self.matcher = self.matchers["hoisted"]
        self.model, self.config, self.device = self.matcher.model, model.config, self.matcher.device
        self.queries, self.galleries = self._features()
        self.peak = 0.0  # operations a second of the fastest matrix product so far

    def _pixels(self, count: int) -> Tensor:
        """Crops of coloured patches (B, 3, H, W), the same every time."""
        config = self.config
        patches = np.random.default_rng(0).integers(0, 256, (count, 8, 4, 3), dtype=np.uint8)
        crops = patches.repeat(config.height // 8, axis=1).repeat(config.width // 4, axis=2)
        return normalise(crops, self.device, config.channel_order).to(self.matcher.dtype)

    def _features(self) -> tuple[Tensor, Tensor]:
        """Feature maps of queries (N, P, C) and videos (M, T, P, C): random, or what trained weights make of crops."""
        config, clip = self.config, self.config.clip_length
        if self.weights is None:
            shape = (SIDE * (clip + 1), config.positions, config.channels)
            features = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(
                self.device, self.matcher.dtype
            )
            return features[:SIDE], features[SIDE:].unflatten(0, (SIDE, clip))
        pixels = self._pixels(SIDE * (clip + 1))
        return self.model.encode(pixels[:SIDE]), self.model.encode_videos(pixels[SIDE:].unflatten(0, (SIDE, clip)))

    def best(self, function: Callable[[], object]) -> float:
        """Seconds of the fastest of several calls, after one to warm up; two at least."""
        wait: Callable[[], None] = torch.cuda.synchronize if self.device.type == "cuda" else lambda: None
        function()
        times: list[float] = []
        while len(times) < 2 or sum(times) < self.seconds:
            wait()
            started = time.perf_counter()
            function()
            wait()
            times.append(time.perf_counter() - started)
        return min(times)

    def look_for_peak(self) -> None:
        """Time a large matrix product; to be called now and then, as a shared machine is not always as fast."""
        size = PEAK_SIZE["cuda" if self.device.type == "cuda" else "cpu"]
        square = torch.randn(size, size, device=self.device, dtype=self.matcher.dtype)
        self.peak = max(self.peak, 2 * size**3 / self.best(lambda: torch.mm(square, square)))

    def encoders(self) -> dict[str, float]:
        """Seconds per crop of each encoder."""
        clips = self._pixels(4 * self.config.clip_length)
        seconds = {"stills": self.best(lambda: self.model.encode(clips)) / len(clips)}
        if not self.config.shared_encoder:
            clips = clips.unflatten(0, (4, -1))
            seconds["clips"] = self.best(lambda: self.model.encode_videos(clips)) / clips.shape[:2].numel()
        return seconds

    def rates(self) -> dict[str, tuple[float, int]]:
        """Of each way to judge pairs: seconds and multiply-adds per pair."""
        parts, model, config = multiply_adds(self.config), self.model, self.config
        maps = (model.phi, model.phi) if config.shared_phi else (model.phi_query, model.phi_gallery)
        pairs = torch.arange(PAIRS, device=self.device)
        queries, videos = self.queries[pairs % SIDE], self.galleries[pairs // 4]  # (B, P, C), (B, T, P, C)

        def project() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
            memory = model.memory(model.theta_gallery(videos)), model.memory(maps[1](videos))
            return (model.theta_query(queries), maps[0](queries)), memory

        halves, count = project(), sum(parts.values())
        projected = (config.clip_length + 1) * config.positions * config.channels * (config.theta_dim + config.phi_dim)
        self.look_for_peak()
        rates = {
            "anew": (self.best(lambda: equation_1(model, *project())) / PAIRS, count + projected),
            "Eq. 1": (self.best(lambda: equation_1(model, *halves)) / PAIRS, count),
        }
        for name, matcher in self.matchers.items():
            self.look_for_peak()
            stills, gallery = matcher.model.queries(self.queries), matcher.model.galleries(self.galleries)
            seconds = self.best(lambda s=stills, g=gallery, m=matcher: m.logits(s, g)) / SIDE**2  # type: ignore[misc]
            parts = multiply_adds(matcher.model.config)
            rates[name] = (seconds, sum(parts.values()) - parts["fc1 query"])
        return rates

    def loss(self, compressed: Matcher) -> tuple[float, float]:
        """Largest and RMS change of the logit by compression, in standard deviations of the logit over pairs."""
        both = self.matcher, compressed
        exact, near = (m.logits(m.model.queries(self.queries), m.model.galleries(self.galleries)) for m in both)
        change = np.abs(near - exact) / exact.std()
        return float(change.max()), float(np.sqrt(np.mean(change**2)))

    def match(self, matcher: Matcher, n: int, m: int) -> tuple[float, float]:
        """Seconds to judge ``n`` queries with ``m`` videos, features given, and which share of the pairs was run.

        Videos pass in blocks, of which nothing stays but the logits. Beyond the budget the rest is extrapolated.
        """
        model, block = matcher.model, 128
        halves = n * self.best(lambda: model.queries(self.queries)) + m * self.best(
            lambda: model.galleries(self.galleries)
        )
        few, videos = model.queries(self.queries), model.galleries(self.galleries)
        stills = few[torch.arange(n, device=self.device) % SIDE]
        matcher.logits(stills[:block], videos)  # warm
        done, started = 0, time.perf_counter()
        for column, row in product(range(0, m, SIDE), range(0, n, block)):
            done += matcher.logits(stills[row : row + block], videos[: m - column]).size
            if time.perf_counter() - started > self.seconds:
                break
        share = done / (n * m)
        return halves / SIDE + (time.perf_counter() - started) / share, share
