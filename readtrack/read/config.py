"""What fixes a READ network: shape, meaning of inputs and outputs; and the networks that have a name."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from readtrack.errors import InputError

BACKBONES = {  # name -> channels C and stride in pixels per position of what it makes
    "mobilenet_v2": (96, 16),  # up to its blocks of 96 channels
    "mobilenet_v2_160": (160, 16),  # and on through those of 160 channels, which are not subsampled here
    "mobilenet_v2_256": (256, 16),  # the same, and a 1x1 convolution to the 256 numbers of a teacher's embedding
    "osnet": (256, 32),  # OSNet, its embedding's layer moved before the sum over positions
    "resnet50": (1024, 16),  # up to layer3, "res4" of the paper
    "resnet50_layer4": (2048, 32),  # the whole of it, for the metric baseline
}
JOINS = {  # name -> the maps that fc1 sees, in order
    "paper": ("attended", "query"),  # Eq. 1
    "demo": ("query", "attended"),  # as in the authors' released weights
    "compare": ("attended", "query", "difference", "product"),  # this project's: also |a - q| and a * q
}
MEMORY_LAYOUTS = (
    "paper",  # a C-vector for each position of each frame
    "demo",  # the authors' weights: the numbers of (T, C, P) read as (C, T * P), which mixes frames and channels
)
HEADS = ("attention", "average", "metric")  # READ, and both baselines of Table 1


@dataclass(frozen=True)
class ReadConfig:
    """Everything that fixes the network's shape and what its inputs and outputs mean."""

    backbone: str = "mobilenet_v2_160"  # encoder of single images
    shared_encoder: bool = True  # one encoder for stills and video frames: a crop is encoded once, ever
    non_local: tuple[int, int] = (0, 0)  # non-local blocks after the last blocks of layer2 and layer3 of the video net
    video_stem_relu: bool = True  # False: no ReLU after the video net's first BatchNorm, as in the released weights
    height: int = 128  # crop height, pixels, a multiple of the stride
    width: int = 64  # crop width, pixels, a multiple of the stride
    channel_order: str = "rgb"  # of the network's input; the released weights want "bgr"
    clip_length: int = 4  # T, images of a tracklet that are compared at once
    head: str = "attention"  # "average": frames averaged, no attention; "metric": Euclidean distance of pooled features
    theta_dim: int = 32  # channels of theta, the attention's keys and queries
    phi_dim: int = 64  # channels of phi, the attention's values
    memory_layout: str = "paper"  # how a video's theta and phi lie in its memory, see MEMORY_LAYOUTS
    rank: int = 0  # channels of the gallery's phi after compression (``compress``); 0: phi_dim
    feature_dim: int = 256  # d_F, outputs of fc1
    join: str = "compare"  # which maps fc1 sees, see JOINS; "compare" has one phi for both sides
    classes: int = 1  # outputs of fc2: 1 is a logit (Eq. 5); 2 are classes, the second "same" (the demo)
    feature_after_relu: bool = False  # F of Eq. 6 is fc1's output before (paper) or after (demo) the ReLU
    place_bias: bool = True  # learn how much each query position looks at each gallery position, whatever they show
    pooled_cosine: bool = False  # F ends with one number more: 1 + the cosine of the pooled features
    logit_scale: float = 1.0  # calibration: probability = sigmoid(logit_scale * logit + logit_offset)
    logit_offset: float = 0.0
    persons: tuple[float, ...] = ()  # log odds that a crop shows a person: C weights of its pooled vector, an offset

    def __post_init__(self) -> None:
        for name in ("non_local", "persons"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON knows only lists
        self._check_names()
        self._check_numbers()
        if any(self.non_local) and (self.shared_encoder or not self.backbone.startswith("resnet50")):
            raise InputError("non-local blocks need a video net of their own (shared_encoder=False), a ResNet-50")
        if self.rank and (self.join == "compare" or not 0 < self.rank <= self.phi_dim):
            raise InputError(f"rank is {self.rank}: 1 to phi_dim, and the comparing join cannot be compressed")
        if self.memory_layout == "demo" and (self.head != "attention" or self.rank):
            raise InputError("memory_layout 'demo' needs the attention head, and cannot be compressed")

    def _check_names(self) -> None:
        """Raise InputError for a word that is unknown."""
        choices = {"backbone": (*BACKBONES,), "join": (*JOINS,), "head": HEADS, "channel_order": ("rgb", "bgr")}
        choices["memory_layout"] = MEMORY_LAYOUTS
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name} {getattr(self, name)!r} is unknown: choose one of {', '.join(known)}")

    def _check_numbers(self) -> None:
        """Raise InputError for sizes that no network has."""
        if self.height % self.stride or self.width % self.stride or min(self.height, self.width) < self.stride:
            raise InputError(f"a crop of {self.height}x{self.width} pixels: both must be multiples of {self.stride}")
        if min(self.clip_length, self.theta_dim, self.phi_dim, self.feature_dim) < 1:
            raise InputError("clip_length, theta_dim, phi_dim and feature_dim must be at least 1")
        if self.classes not in (1, 2):
            raise InputError(f"classes is {self.classes}: fc2 has one logit or two classes")
        if len(self.non_local) != 2 or not (0 <= self.non_local[0] <= 4 and 0 <= self.non_local[1] <= 6):
            raise InputError(f"non_local is {self.non_local}: at most 4 blocks in layer2 and 6 in layer3")
        if len(self.persons) not in (0, self.channels + 1):
            raise InputError(f"persons has {len(self.persons)} numbers: {self.channels} weights and an offset, or none")

    @classmethod
    def from_json(cls, about: Mapping[str, Any], file: object) -> "ReadConfig":
        """The configuration that ``asdict`` wrote into a ``file``.

        Raises:
            InputError: another version of readtrack wrote it, or it fixes no network; ``file`` is named.
        """
        unknown = sorted(set(about) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"{file}: written by another version of readtrack (unknown {', '.join(unknown)}): update")
        try:
            return cls(**about)
        except (InputError, TypeError) as error:
            raise InputError(f"{file}: its configuration cannot be used: {error}") from error

    @property
    def uncalibrated(self) -> "ReadConfig":
        """The same network, without what was fitted to its answers afterwards."""
        return replace(self, logit_scale=1.0, logit_offset=0.0, persons=())

    @property
    def channels(self) -> int:
        """C, the channels of an encoded crop."""
        return BACKBONES[self.backbone][0]

    @property
    def stride(self) -> int:
        """Pixels per position, each way."""
        return BACKBONES[self.backbone][1]

    @property
    def positions(self) -> int:
        """P = h * w, the positions of an encoded crop, in row order."""
        return (self.height // self.stride) * (self.width // self.stride)

    @property
    def shared_phi(self) -> bool:
        """Whether query and gallery go through one phi, so that their values can be compared."""
        return self.join == "compare"


READ_S = ReadConfig(backbone="mobilenet_v2_256", pooled_cosine=True)
READ_M = ReadConfig(backbone="osnet", height=256, width=128, pooled_cosine=True)
READ_R50 = ReadConfig(  # the paper's network
    backbone="resnet50",
    shared_encoder=False,
    non_local=(2, 3),
    height=256,
    width=128,
    theta_dim=128,
    phi_dim=512,
    feature_dim=1024,
    join="paper",
    place_bias=False,
)
