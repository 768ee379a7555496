"""The arguments of `netwiz capture`; as light as the rest of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

ABOUT = """\
Show packets as a person reads them: of containers, networks, the host, or a file.
Nothing is installed anywhere; the kernel filters, and its drops are always told.
"""
EPILOG = """\
NAME    a container (name or id prefix), a network (its bridge, or the inside of an
        overlay), host (the uplink) or a named network namespace; several with
        commas: order,pg. network:shop and netns:shop tell two of a name apart
FILTER  tcpdump's words (port 3000 and host 172.18.0.2), and plain ones: a container's
        name, errors, dns, http; all words after NAME belong to it

examples:
  netwiz capture order
  netwiz capture order,pg port 3000
  netwiz capture --all errors
  netwiz capture shop_default 'tcp and not port 22' -w shop.pcapng
  netwiz capture order -c 100 --json | jq .text
  netwiz capture -r shop.pcapng order

exit status:
  0 done (also by Ctrl-C)   2 usage   3 the capture broke off
  4 cannot look (no rights, no engine): what is missing and how to get it is said
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `netwiz capture` takes."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="NAME [FILTER]",
        help="whom to listen to, and what of it; with -r or --all a FILTER only",
    )
    add(
        "-w",
        dest="write",
        metavar="FILE",
        type=_path,
        help="write the packets to FILE (pcapng), whole and unsampled",
    )
    add(
        "-r",
        dest="read",
        metavar="FILE",
        type=_path,
        help="read a pcap or pcapng file in place of listening; needs no root",
    )
    add(
        "--json",
        action="store_true",
        help="one JSON object a line for each packet, counts, and the end",
    )
    add(
        "-c",
        dest="count",
        metavar="COUNT",
        type=_whole(1_000_000_000),
        default=0,
        help="end after so many packets",
    )
    add(
        "--seconds",
        metavar="S",
        type=_seconds,
        default=0.0,
        help="end after so many seconds",
    )
    add(
        "--errors",
        action="store_true",
        help="show problems only: refused, unanswered, reset, ... (-w gets all)",
    )
    add(
        "--device",
        metavar="DEV",
        type=_device,
        help="listen to this device there; any: to all of them",
    )
    add(
        "--all",
        dest="every",
        action="store_true",
        help="every running container, and the host's uplink",
    )
    add(
        "--ssh",
        dest="own_ssh",
        action="store_true",
        help="do not leave out the SSH session that netwiz is used through",
    )
    add(
        "--file-size",
        dest="file_mb",
        metavar="MB",
        type=_whole(1_000_000),
        default=0,
        help="with -w: begin a new file after so many megabytes (67)",
    )
    add(
        "--files",
        metavar="N",
        type=_whole(1000),
        default=0,
        help="with -w: keep so many files, the oldest goes (4)",
    )


def _whole(highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        fits = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if fits and 1 <= int(text) <= highest:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"'{_plain(text)}' is no number from 1 to {highest}"
        )

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0.1 <= seconds <= 1e6:
        return seconds
    raise argparse.ArgumentTypeError(
        f"'{_plain(text)}' is no time from 0.1 to 1000000 seconds"
    )


def _path(text: str) -> str:
    if text and "\0" not in text:
        return text
    raise argparse.ArgumentTypeError("the file's name is empty")


def _device(text: str) -> str:
    # Names of devices end at 15 bytes (IFNAMSIZ, netdevice(7)).
    if 0 < len(text) <= 15 and "/" not in text and not text.isspace():
        return text
    raise argparse.ArgumentTypeError(f"'{_plain(text)}' is no name of a device")


def _plain(text: str) -> str:
    from netwiz.probes.text import plain

    return plain(text, 80)
