"""Settings for footage of one's own: many are tried on it, or its own pairs tell which follow."""
