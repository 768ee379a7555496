"""What packets mean: from bytes to one line a person reads. Pure; no I/O.

Any bytes are survived: packets are the most hostile thing that netwiz looks at.
"""
