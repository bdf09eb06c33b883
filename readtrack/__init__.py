"""Person tracking with READ."""
