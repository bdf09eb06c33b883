"""Scores of rankings and of tracks."""
