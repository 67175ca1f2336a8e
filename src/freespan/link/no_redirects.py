"""Who is named an address connects to it and to no other: no redirect leads away."""

from __future__ import annotations

import aiohttp


async def refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Client middleware. Raises `aiohttp.ClientResponseError` for any status from 300 to 399."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientResponseError(
            response.request_info, response.history, status=response.status, message="no redirect is followed here"
        )
    return response
