"""Re-ID data sets on disk, as tracklets and batches."""
