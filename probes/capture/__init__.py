"""Live packets of any namespace: filter, child process, rings, files.

The work is done by a child process, so that a busy wire never makes the screen wait
(measured: a thread of the same process costs keys up to 50 ms, a child 4 ms). What it
tells comes as :class:`netwiz.probes.capture.batch.Batch` of rows and as findings of
:mod:`netwiz.probes.facts.packets`.

Here:   `stream` (open_capture), `ordering` (what the child is told), `ssh`, and for a
        person's filter `words`, `spelling`, `grammar`, `place`, `filters`
Child:  `child`, `live` and `replay` (its two ways to work), `tap` and `ring`, `backlog`
        (what is read), `keeper` and `pcapng` (the file), `files`, `sieve`, `saying`
Both:   `order` (the words between them), `wanted`, `batch`
"""
