"""A port of the host: who is to serve it, and how it is led there."""
