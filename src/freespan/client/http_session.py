"""The HTTP of a client. Loads no WebRTC, which others who ask a host as a client does have no use for."""

from __future__ import annotations

import socket
from collections.abc import Collection

import aiohttp
from aiohttp.abc import AbstractResolver

from freespan.link.asking import watched_connector, watched_requests
from freespan.link.no_redirects import refuse_redirects


def http_session(
    ip_versions: Collection[int] = (4, 6), resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """Makes all requests to the host: sends nothing that identifies a reader, and follows no redirect.

    Names are resolved to addresses of these IP versions alone, by `resolver` or as the system does.
    """
    family = socket.AF_UNSPEC if len(ip_versions) > 1 else socket.AF_INET
    return aiohttp.ClientSession(
        connector=watched_connector(resolver, family=family),
        trace_configs=[watched_requests()],
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=(refuse_redirects,),
        headers={"Accept-Encoding": "identity"},  # a front may compress, and nothing is decompressed here
        skip_auto_headers=("User-Agent",),
    )
