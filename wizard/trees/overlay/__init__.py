"""Overlay networks: the way between the nodes of a swarm."""
