"""A stream without end in bounded memory, drawn. Run: python demos/endless.py 20000 (needs Linux for the memory)"""

import sys
from pathlib import Path

from readtrack import ReadTracker, TrackerConfig
from readtrack.street import Street, StreetConfig


def resident_megabytes() -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def main(frames: int = 60, every: int = 30) -> None:
    street = Street(StreetConfig(width=480, height=270, frames=max(frames, 400)))
    tracker = ReadTracker("read-s", TrackerConfig(fps=street.fps))
    identities: set[int] = set()
    for index in range(frames):
        people = tracker.update(street.detections(index), street.image(index))
        identities.update(people.tracker_id[people.tracker_id > 0].tolist())
        if (index + 1) % every == 0:
            known = f"identities {sorted(identities)[:1]} to {len(identities)}"
            print(f"frame {index + 1}: {resident_megabytes()} MB, {known}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, every=1000)
