"""The map: networks as lines, containers as stations on them, and what passes there."""
