"""Ports that are easy to remember when they are free, any other one when not."""

from __future__ import annotations

import os
import socket

LOOPBACK = "127.0.0.1"


def usable_port(wanted: int) -> int:
    """Return `wanted` if a server could listen there now, else 0 (which lets the system choose)."""
    if wanted == 0:
        return 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere this option would share the port with whoever has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
            probe.listen(1)
        except OSError:
            return 0
    return wanted
