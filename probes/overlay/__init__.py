"""Overlay networks: the swarm's word, the tunnel in its own namespace, the kernel."""
