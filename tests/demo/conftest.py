"""The demo without its programs: its sites and its censor on loopback."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

import pytest

from freespan.demo.addresses import BLOCKED, NEWS
from freespan.demo.censor import Censor
from freespan.demo.certificates import DemoAuthority
from freespan.demo.sites import Site, both_sites

EMBED = '<script type="module" src="http://127.0.0.1:1/switch.js"></script><freespan-switch></freespan-switch>'


@dataclass
class CensoredSites:
    """Two sites and the censor on the path to them."""

    news: Site
    blocked: Site
    censor: Censor
    tls: SSLContext

    def direct(self, scheme: str, name: str, path: str = "/") -> str:
        """The URL of a site by way of the censor."""
        return f"{scheme}://{name}:{self.censor.port}{path}"


@pytest.fixture
def authority(tmp_path: Path) -> DemoAuthority:
    return DemoAuthority(tmp_path)


@pytest.fixture
async def sites(authority: DemoAuthority) -> AsyncIterator[CensoredSites]:
    async with both_sites(EMBED, authority, fixed_ports=False) as (news, blocked):
        censor = Censor([BLOCKED], {NEWS: news.route, BLOCKED: blocked.route})
        async with censor.listening():
            yield CensoredSites(news, blocked, censor, authority.client_context())
