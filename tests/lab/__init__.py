"""A hermetic Docker Engine and the scenarios that break it."""
