"""ReadTracker in a loop of your own, here on four seconds of the synthetic street. Run: python demos/embed.py"""

from readtrack import ReadTracker, TrackerConfig
from readtrack.street import Street, StreetConfig


def main(frames: int = 100) -> None:
    street = Street(StreetConfig(frames=400))
    tracker = ReadTracker(weights="read-s", config=TrackerConfig(fps=street.fps))
    for index in range(frames):
        people = tracker.update(street.detections(index), street.image(index))
        named = sorted(people.tracker_id[people.tracker_id > 0].tolist())
        print(f"frame {index}: {len(people)} detections, identities {named}")
        for association in tracker.associations:
            print(
                f"  READ: detection {association.detection} is {association.track} ({association.reason},"
                f" {association.probability:.2f} against {association.runner_up:.2f})"
            )


if __name__ == "__main__":
    main()
