"""The patrol: cheap signs of trouble from every namespace, gathered all the time.

Counters of each namespace tell that something fails there; sockets, and packets that a
kernel filter lets through, tell what. Nothing is made but sockets of our own.
"""
