"""Crops to feature maps: torchvision's networks cut short, and the paper's video net with non-local blocks."""

from collections.abc import Sequence

from torch import Tensor, nn

from readtrack.read.config import ReadConfig
from readtrack.read.osnet import OsNet


def image_encoder(config: ReadConfig) -> nn.Module:
    """The encoder of stills: (B, 3, H, W) to (B, C, h, w). Random weights."""
    if config.backbone.startswith("mobilenet_v2"):
        return _mobilenet_v2(config.channels)
    if config.backbone == "osnet":
        return OsNet(config.height // config.stride, config.width // config.stride)
    return ResNet(config.backbone == "resnet50_layer4")


def video_encoder(config: ReadConfig) -> nn.Module:
    """The encoder of clips where they have their own: (M * T, 3, H, W) and T to (M * T, C, h, w). Random weights."""
    if not config.backbone.startswith("resnet50"):
        return image_encoder(config)
    return ResNet(config.backbone == "resnet50_layer4", config.non_local, config.video_stem_relu)


def _mobilenet_v2(channels: int) -> nn.Module:
    """MobileNetV2 up to its last block of 96 or of 160 channels (a linear bottleneck), stride 16; 256: and a 1x1."""
    from torchvision.models import mobilenet_v2

    features: nn.Sequential = mobilenet_v2(weights=None).features
    if channels == 96:
        return features[:14]
    depthwise = features.get_submodule("14.conv.1.0")  # the convolution that would subsample to stride 32
    assert isinstance(depthwise, nn.Conv2d)
    depthwise.stride = (1, 1)
    return features[:17] if channels == 160 else nn.Sequential(*features[:17], nn.Conv2d(160, channels, 1))


class ResNet(nn.Module):
    """ResNet-50 up to layer3 or layer4, with torchvision's names; as a video net with non-local blocks (Sec. 3.2)."""

    def __init__(self, whole: bool, non_local: Sequence[int] = (0, 0), stem_relu: bool = True) -> None:
        super().__init__()
        from torchvision.models import resnet50

        net = resnet50(weights=None)
        self.conv1, self.bn1, self.maxpool = net.conv1, net.bn1, net.maxpool
        self.relu = nn.ReLU(inplace=True) if stem_relu else nn.Identity()
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3
        self.layer4 = net.layer4 if whole else nn.Identity()
        self.non_local2 = nn.ModuleList([NonLocal(512) for _ in range(non_local[0])])
        self.non_local3 = nn.ModuleList([NonLocal(1024) for _ in range(non_local[1])])

    def forward(self, images: Tensor, clip_length: int = 1) -> Tensor:
        """Images (B, 3, H, W), for non-local blocks in clips of ``clip_length``, to (B, C, h, w)."""
        maps = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        for layer, blocks in ((self.layer2, self.non_local2), (self.layer3, self.non_local3)):
            first = len(layer) - len(blocks)
            for position, block in enumerate(layer):
                maps = block(maps)
                if position >= first:
                    maps = blocks[position - first](maps, clip_length)
        answer: Tensor = self.layer4(maps)
        return answer


class NonLocal(nn.Module):
    """Embedded-Gaussian self-attention over all positions of all frames of a clip; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Linear(channels, channels // 2)
        self.phi = nn.Linear(channels, channels // 2)
        self.g = nn.Linear(channels, channels // 2)
        self.out = nn.Linear(channels // 2, channels)
        self.bn = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn.weight)

    def forward(self, maps: Tensor, clip_length: int) -> Tensor:
        """Maps (M * T, C, h, w) to the same shape."""
        positions = maps.unflatten(0, (-1, clip_length)).flatten(3).permute(0, 1, 3, 2).flatten(1, 2)  # (M, T * P, C)
        seen = nn.functional.scaled_dot_product_attention(
            self.theta(positions), self.phi(positions), self.g(positions), scale=1.0
        )  # (M, T * P, C / 2); the paper does not divide by sqrt(d)
        added: Tensor = self.out(seen).unflatten(1, (clip_length, -1)).flatten(0, 1).transpose(1, 2)  # (M * T, C, P)
        added = added.unflatten(2, maps.shape[2:])  # (M * T, C, h, w)
        normed: Tensor = self.bn(added)
        return maps + normed
