"""Any re-ID data set by its name, the people of MOTChallenge sequences among them."""

from readtrack.datasets.load import DATASETS, read_dataset
from readtrack.datasets.streets import add_streets

__all__ = ["DATASETS", "add_streets", "read_dataset"]
