"""HTTP without redirects: an end connects to the address that it was given, and to no other."""

from __future__ import annotations

import aiohttp


async def refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware of aiohttp's client. Raises `aiohttp.ClientResponseError` for any status from 300 to 399."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientResponseError(
            response.request_info,
            response.history,
            status=response.status,
            message="no redirect is followed here",
            headers=response.headers,
        )
    return response
