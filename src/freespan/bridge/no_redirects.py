"""A bridge connects to its broker and to the egress that it names, and nowhere else: no redirect leads it away."""

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
            response.request_info, response.history, status=response.status, message="a bridge follows no redirect"
        )
    return response
