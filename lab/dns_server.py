"""A small DNS server over UDP: it knows the lab's names and answers NXDOMAIN for all others.

`python -m lab.dns_server NAMES` serves on port 53 of all addresses; NAMES is a JSON object of names and lists of
addresses.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping, Sequence

from lab.dns import answer

_QUERY_MAX = 512


def main(names: Mapping[str, Sequence[str]], port: int = 53) -> None:
    """Serve for ever."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as here:
        here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        here.bind(("::", port))
        print(json.dumps({"event": "ready"}), flush=True)
        while True:
            packet, source = here.recvfrom(_QUERY_MAX)
            if reply := answer(packet, names):
                here.sendto(reply, source)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        pass
