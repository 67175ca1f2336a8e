"""TUN interfaces: IP packets of a network namespace, read and written by this process."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess

from lab.setns import enter

PACKET_MAX = 1500
"""MTU of the interfaces, in bytes."""
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


def open_tun(namespace: str, interface: str) -> int:
    """Make a TUN interface inside a namespace; returns its descriptor. It is gone when this process ends."""
    enter(namespace)
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _IFF_TUN | _IFF_NO_PI))
    # A short kernel queue would drop packets before the process can read and count them.
    subprocess.run(["ip", "link", "set", "dev", interface, "mtu", str(PACKET_MAX), "txqueuelen", "2000"], check=True)
    return handle
