"""One probe packet seen at every hop, and the attempt that is watched.

`attempt` is the sense; `watch` opens a `tap` per namespace, `decode` and `match` tell
our packets from all others, `path` says where they should have passed.
"""
