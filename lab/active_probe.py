"""Active probing, as a censor does it: connect to a suspected address, send different requests, and read the answers.

`python -m lab.active_probe ADDRESS PORT NAME CA` prints one line of JSON with what came back for each request. What
distinguishes a server from an ordinary web server is in `suspicions`.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

SECONDS = 4.0
_ANSWER_MAX = 64 * 1024
_SUSPICIOUS = re.compile(
    rb"freespan|aiohttp|python|websockets?\b.*version|proxy|webrtc|rendezvous|bridge|broker|egress|urn:", re.I
)
"""Words that the answers of an ordinary site do not contain."""

_GARBAGE = secrets.token_bytes(300)
_REQUESTS = {
    "front page": "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
    "missing page": "GET /wp-login.php HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
    "other host": "GET / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n",
    "no host": "GET / HTTP/1.0\r\n\r\n",
    "proxy request": "CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n",
    "absolute form": "GET http://www.example.org/ HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n",
    "odd method": "BREW / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
    "rendezvous": "POST /v1/rendezvous HTTP/1.1\r\nHost: {name}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}",
    "health": "GET /v1/health HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
    "metrics": "GET /metrics HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
}


def probe(address: str, port: int, name: str, authority: str) -> dict[str, Any]:
    """Send all requests; returns the object that the module documents.

    Args:
        address: of the server.
        port: of its TLS.
        name: in SNI and Host.
        authority: file with the certificate authority to trust.
    """
    tls = ssl.create_default_context(cafile=authority)
    answers = {
        "garbage": _ask(lambda: _plain(address, port), _GARBAGE),
        "http on the tls port": _ask(lambda: _plain(address, port), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        "silence": _ask(lambda: _plain(address, port), b""),
        "garbage in tls": _ask(lambda: _wrapped(address, port, name, tls), _GARBAGE),
        **{
            what: _ask(lambda: _wrapped(address, port, name, tls), text.format(name=name).encode())
            for what, text in _REQUESTS.items()
        },
    }
    return {
        "tls": _tls_facts(address, port, name, tls),
        "port 80": _ask(lambda: _plain(address, 80), b"GET / HTTP/1.0\r\n\r\n")["ended"],
        "answers": {
            what: {key: each[key] for key in ("ended", "seconds", "first_line")} for what, each in answers.items()
        },
        "suspicions": [f"{what}: {word}" for what, each in answers.items() for word in each["suspicious"]],
    }


def _ask(connect: Callable[[], socket.socket], data: bytes) -> dict[str, Any]:
    """Connect, send `data`, and read until the other side ends the connection or the time is up."""
    start = time.monotonic()
    answer, ended = b"", "still open"
    try:
        with connect() as here:
            here.settimeout(SECONDS)
            if data:
                here.sendall(data)
            while len(answer) < _ANSWER_MAX:
                if not (piece := here.recv(_ANSWER_MAX)):
                    ended = "closed"
                    break
                answer += piece
    except TimeoutError:
        pass
    except ConnectionRefusedError:
        ended = "refused"
    except ConnectionResetError:
        ended = "reset"
    except (OSError, ssl.SSLError) as error:
        ended = type(error).__name__
    return {
        "ended": ended,
        "seconds": round(time.monotonic() - start, 2),
        "first_line": answer.partition(b"\r\n")[0][:80].decode("ascii", "backslashreplace"),
        "suspicious": sorted({word.decode("ascii", "replace").lower() for word in _SUSPICIOUS.findall(answer)}),
    }


def _plain(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), SECONDS)


def _wrapped(address: str, port: int, name: str, tls: ssl.SSLContext) -> socket.socket:
    return tls.wrap_socket(_plain(address, port), server_hostname=name)


def _tls_facts(address: str, port: int, name: str, tls: ssl.SSLContext) -> dict[str, Any]:
    """Return what the handshake shows, also of one without a server name, as scanners do it."""
    facts: dict[str, Any] = {}
    offered = ssl.create_default_context(cafile=None)
    offered.check_hostname, offered.verify_mode = False, ssl.CERT_NONE
    offered.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with _wrapped(address, port, name, tls) as here:
            assert isinstance(here, ssl.SSLSocket)
            facts["version"], facts["trusted"] = here.version(), True
        with offered.wrap_socket(_plain(address, port)) as bare:
            facts["without_name"] = bare.version()
            facts["alpn"] = bare.selected_alpn_protocol() or ""
    except (OSError, ssl.SSLError) as error:
        facts["error"] = type(error).__name__
    return facts


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])))
