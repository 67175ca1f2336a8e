"""Whether this machine has IPv6, if only for itself."""

from __future__ import annotations

import socket

import pytest


def has_ipv6() -> bool:
    """Whether something can listen at ::1."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


IPV6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
