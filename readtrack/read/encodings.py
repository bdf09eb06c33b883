"""What a network made of crops and of clips: each is computed once, and clips are remembered while there is room."""

import os
from collections.abc import Sequence
from threading import RLock
from typing import Any
from weakref import ref

from readtrack.images import Image
from readtrack.read.cache import Clip, ClipMemory
from readtrack.read.crops import Crop
from readtrack.read.network import Network

CROPS_AT_ONCE = 64  # through the encoder


class CachedEncoders:
    """Runs a network's encoders on what they have not seen yet."""

    def __init__(self, network: Network, room: int) -> None:
        """Start with nothing; remembered clips never take more than ``room`` bytes."""
        self.network = network
        self.memory = ClipMemory(room)
        self.count = 0  # crops that went through an encoder
        self._lock, self._process = RLock(), os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        """What is remembered of clips is made again where it is unpickled."""
        return {"network": self.network, "room": self.memory.room, "count": self.count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["network"], state["room"])  # type: ignore[misc]
        self.count = state["count"]

    def _alone(self) -> RLock:
        """A lock, by which threads take turns; another process has its own."""
        if self._process != os.getpid():
            self._lock, self._process = RLock(), os.getpid()
        return self._lock

    def encode(self, crops: Sequence[Crop], block: int = CROPS_AT_ONCE) -> None:
        """Give crops the features of the encoder of stills, where they have none yet, ``block`` at a time.

        Their pixels are dropped, unless the network has a video net of its own, which looks across a clip's images.
        """
        with self._alone():
            fresh = [crop for crop in dict.fromkeys(crops) if crop.features is None]
            for start in range(0, len(fresh), block):
                part = fresh[start : start + block]
                for crop, features in zip(part, self.network.encode(_pixels(part)), strict=True):
                    crop.features = features
                    if self.network.config.shared_encoder:
                        crop.pixels = None
            self.count += len(fresh)

    def clips(self, clips: Sequence[Sequence[Crop]]) -> list[Clip]:
        """What the network makes of clips of T crops; only what is not remembered is computed."""
        with self._alone():
            return self._clips(clips)

    def _clips(self, clips: Sequence[Sequence[Crop]]) -> list[Clip]:
        keys = [tuple(map(ref, clip)) for clip in clips]
        known = {key: clip for key in keys if (clip := self.memory.get(key)) is not None}
        missing = [pair for pair in dict(zip(keys, clips, strict=True)).items() if pair[0] not in known]
        block = max(1, CROPS_AT_ONCE // self.network.config.clip_length)
        for start in range(0, len(missing), block):
            part = missing[start : start + block]
            made = self.network.clips(self._encode_clips([clip for _, clip in part]))
            for (key, _), clip in zip(part, made, strict=True):
                known[key] = clip
                self.memory.put(key, clip)
        return [known[key] for key in keys]

    def _encode_clips(self, clips: Sequence[Sequence[Crop]]) -> Any:
        """Feature maps (M, T, P, C) of clips of T crops; of a shared encoder those of the crops themselves."""
        crops = [crop for clip in clips for crop in clip]
        if self.network.config.shared_encoder:
            self.encode(crops)
            return self.network.stack([crop.features for crop in crops], len(clips))
        self.count += len(crops)
        return self.network.encode_clips(_pixels(crops), len(clips))


def _pixels(crops: Sequence[Crop]) -> list[Image]:
    """Those of crops that were not encoded yet, or are kept for a video net."""
    return [crop.pixels for crop in crops if crop.pixels is not None]
