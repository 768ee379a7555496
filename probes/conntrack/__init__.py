"""What the kernel remembers of flows (nf_conntrack), read by ctnetlink."""
