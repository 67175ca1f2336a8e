from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from freespan.bridge.pipe import _open_socket
from freespan.link.no_redirects import refuse_redirects
from tests.support.serving import serving
from tests.support.whole_path import running_bridge


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_egress_leads_nowhere(status: int) -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"{private}/admin"})

    async with (
        serving([web.get("/admin", note)]) as private,
        serving([web.get("/v1/egress", redirect)]) as egress,
        aiohttp.ClientSession(middlewares=(refuse_redirects,)) as http,
    ):
        with pytest.raises(aiohttp.ClientError):
            await _open_socket(http, f"{egress}/v1/egress")
    assert asked == []


async def test_a_volunteer_follows_no_redirect() -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound("/admin")

    routes = [web.get("/v1/bridge", redirect), web.get("/admin", note)]
    async with serving(routes) as broker, running_bridge(broker) as helper:
        await helper.statuses.until("offline")
    assert asked == []
