"""Container logs: followed, cut into lines, and read for network errors."""
