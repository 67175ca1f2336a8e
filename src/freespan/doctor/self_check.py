"""A host looks at itself from outside when it has started, by its public URL.

Some machines cannot reach their own public address, as behind a router that does not let them. Then it says that it has
not seen itself, and nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from freespan.client.http_session import http_session
from freespan.doctor.examination import examine
from freespan.doctor.findings import Checked, note
from freespan.doctor.host import CONNECTION, NAME, checks_from_outside
from freespan.doctor.settings import DoctorSettings
from freespan.wire.causes import DNS_NO_NAME

_BLIND = note(
    "not_seen",
    "this host cannot reach itself by its public URL, so it has not been looked at from outside",
    "run freespan doctor host with this URL on another machine",
)


async def warnings_from_outside(url: str, settings: DoctorSettings | None = None) -> AsyncIterator[Checked]:
    """Yield what a host that others reach at a URL should be told, in the order of the checks."""
    async with http_session() as http:
        async for checked in examine(checks_from_outside(url, http, settings or DoctorSettings())):
            finding = checked.finding
            if checked.check.id in (NAME, CONNECTION) and finding.state == "bad":
                if finding.code == DNS_NO_NAME:
                    yield checked
                elif finding.hinders:
                    yield Checked(checked.check, _BLIND)
            elif finding.advice:
                yield checked
