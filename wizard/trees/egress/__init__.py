"""The way out of this machine: forwarding, routes, source addresses, the way back."""
