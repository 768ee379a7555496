"""A client beyond this machine: on paper, and by its own packet."""
