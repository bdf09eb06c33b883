"""Any re-ID data set by its name, the people of MOTChallenge sequences among them."""

from typing import TYPE_CHECKING, Any

from readtrack.datasets.tracklets import DATASETS, Dataset

if TYPE_CHECKING:
    from readtrack.datasets.load import read_dataset

__all__ = ["DATASETS", "Dataset", "read_dataset"]


def __getattr__(name: str) -> Any:
    """What reads needs OpenCV and more, which whoever only asks for names does not wait for."""
    if name != "read_dataset":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from readtrack.datasets.load import read_dataset

    return read_dataset
