"""OSNet (Zhou et al., ICCV 2019) as an encoder, in the variant of Intel's person-reidentification-retail-0277.

Its BatchNorms are folded into the convolutions, as in the file that its weights come from.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

REDUCTION = 16  # of channels in a gate that squeezes
GROUPS = 16  # of channels that a context gate normalises together


class OsNet(nn.Module):
    """Crops (B, 3, H, W) to maps (B, 256, H / 32, W / 32) whose mean over places is the network's vector.

    The original weighs each place and channel, sums, and makes a vector by a linear layer. Here the linear layer comes
    before the sum, which changes nothing but lets a head look at the places one by one.
    """

    def __init__(self, height: int, width: int) -> None:
        """Random weights; ``height`` and ``width`` of the map."""
        super().__init__()
        self.image_norm = nn.GroupNorm(3, 3)  # each image and channel by itself
        self.stem = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.GroupNorm(64, 64)
        widths = (64, 256, 256, 384, 384, 512, 512)
        gates: tuple[type[Squeeze] | type[Context], ...] = (Squeeze, Context) * 3
        self.blocks = nn.ModuleList(
            [Block(before, after, gate) for before, after, gate in zip(widths, widths[1:], gates, strict=False)]
        )
        self.cross = nn.ModuleList([nn.Conv2d(width, width, 1) for width in (256, 384)])
        self.last = nn.Conv2d(512, 512, 1)
        self.place_scale = nn.Parameter(torch.ones(1, 512, 2 * height, 2 * width))
        self.vector = nn.Conv2d(512, 256, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised crops to maps; each pixel's level and contrast over the crop make no difference."""
        maps = functional.relu(self.stem_norm(self.stem(self.image_norm(images))))
        maps = functional.max_pool2d(maps, 3, stride=2, padding=1)
        for stage in range(3):
            maps = self.blocks[2 * stage + 1](self.blocks[2 * stage](maps))
            if stage < len(self.cross):
                maps = functional.avg_pool2d(functional.relu(self.cross[stage](maps)), 2)
        maps = functional.relu(self.last(maps)) * self.place_scale
        answer: Tensor = self.vector(functional.avg_pool2d(maps, 2))
        return answer


class Block(nn.Module):
    """Four streams of one to four light convolutions behind one shared gate, added to what came in."""

    def __init__(self, before: int, after: int, gate: "type[Squeeze] | type[Context]") -> None:
        super().__init__()
        inner = after // 4
        self.reduce = nn.Conv2d(before, inner, 1)
        self.streams = nn.ModuleList([nn.Sequential(*[Light(inner) for _ in range(n)]) for n in (1, 2, 3, 4)])
        self.gate = gate(inner)
        self.expand = nn.Conv2d(inner, after, 1)
        self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, before, h, w) to (B, after, h, w)."""
        narrow = functional.relu(self.reduce(maps))
        seen = torch.stack([self.gate(stream(narrow)) for stream in self.streams]).sum(0)
        return functional.relu(self.expand(seen) + self.skip(maps))


class Light(nn.Module):
    """A convolution of places by themselves, then one of channels by themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.point = nn.Conv2d(channels, channels, 1, bias=False)
        self.depth = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps to the same shape."""
        return functional.relu(self.depth(self.point(maps)))


class Squeeze(nn.Module):
    """A gate for each channel, of all channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Linear(channels, channels // REDUCTION)
        self.up = nn.Linear(channels // REDUCTION, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps to the same shape."""
        gate: Tensor = self.up(functional.relu(self.down(maps.mean((2, 3)))))
        return maps * gate.sigmoid()[:, :, None, None]


class Context(nn.Module):
    """A gate for each channel, of its mean against those of its group (Linear Context Transform)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps to the same shape."""
        gate: Tensor = self.norm(maps.mean((2, 3)))
        return maps * gate.sigmoid()[:, :, None, None]
