"""Picks memorable ports where they are free, and any other port where they are not."""

from __future__ import annotations

import os
import socket

from freespan.demo.addresses import LOOPBACK


def usable_port(wanted: int) -> int:
    """Return `wanted` if a server could listen there now, else 0, which lets the system choose."""
    if wanted == 0:
        return 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere this option would share the port with its present user
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
            probe.listen(1)
        except OSError:
            return 0
    return wanted
