"""Signs of trouble become suspects: who fails to reach what, since when, by what signs.

Pure reasoning over `netwiz.probes.facts.signs`; no I/O.
"""
