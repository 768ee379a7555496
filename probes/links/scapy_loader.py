"""scapy, loaded without leaving anything behind.

On import scapy makes the XDG folders of whoever runs it and pickles 3 MB of tables
into ``~/.cache/scapy``, which it reads back the next time, as root, from a folder that
after ``sudo`` may be another user's. netwiz leaves no file and reads nobody's pickle.

Loading takes 0.2 to 0.3 s, most of it tables of vendors: in a worker thread, please.
"""

from __future__ import annotations

import os
import threading

_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")

_NOWHERE = "/dev/null/netwiz"
"""Below a file that is no folder nothing can be made; scapy then does without."""

_lock = threading.Lock()


def load_scapy() -> None:
    """To be called before the first import from scapy, by everybody who needs it."""
    with _lock:
        before = {name: os.environ.get(name) for name in _FOLDERS}
        os.environ.update(dict.fromkeys(_FOLDERS, _NOWHERE))
        try:
            import scapy.main
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        # scapy.data asks for it while it loads, which the next line makes it do.
        scapy.main.SCAPY_CACHE_FOLDER = None
        import scapy.layers.l2
