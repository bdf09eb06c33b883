"""Any re-ID data set by its name, the people of MOTChallenge sequences among them."""

from readtrack.datasets.load import DATASETS, read_dataset

__all__ = ["DATASETS", "read_dataset"]
