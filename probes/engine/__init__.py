"""The container engine: snapshot, events, options. docker SDK, off the event loop.

`gate` is the one way to it, `collect` and `parse` make facts of what it says, `watch`
follows its events. What it says is hostile: `fields` reads every value with care.
"""
