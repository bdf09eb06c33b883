"""Tracklets to people."""
