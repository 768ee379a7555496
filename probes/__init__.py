"""The senses: Docker, namespaces, sockets, DNS, TLS, firewall and the wire.

This room knows how to put one read-only question to the outside world and answer it
with a frozen finding. It imports no other room, and never textual or rich.
"""
