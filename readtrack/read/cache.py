"""What the network made of clips, remembered while there is room."""

from collections import OrderedDict
from typing import Any, NamedTuple, TypeAlias
from weakref import ref

Key: TypeAlias = tuple[ref[Any], ...]  # the clip's crops, in order; no other crop ever equals one that is gone


class Clip(NamedTuple):
    """What a clip of T crops needs only itself for, in arrays of the network's own kind."""

    encoding: tuple[Any, ...]  # what pairs need of it
    pooled: Any  # (C,), unit length

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(int(array.nbytes) for array in (*self.encoding, self.pooled))


class ClipMemory:
    """The clips asked about last, at most ``room`` bytes of them. Keeps no crop alive."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.size = 0  # bytes
        self.clips: OrderedDict[Key, Clip] = OrderedDict()

    def get(self, key: Key) -> Clip | None:
        """What is remembered of these crops in this order."""
        clip = self.clips.get(key)
        if clip is not None:
            self.clips.move_to_end(key)
        return clip

    def put(self, key: Key, clip: Clip) -> None:
        """Remember a new one, and forget those asked about longest ago."""
        self.clips[key] = clip
        self.size += clip.size
        while self.size > self.room:
            self.size -= self.clips.popitem(last=False)[1].size
