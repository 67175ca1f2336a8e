"""Says what a server in front of a host has changed in the answers that it passes on. Pure.

A host sends each of its pages with headers that let other sites embed it and nothing else (web/policies.py). Web
servers add headers of their own to everything, which is good for an ordinary site and breaks a switch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from freespan.doctor.findings import Finding, bad, good, note

SWITCH, BRIDGE, EMBED = "/switch.js", "/bridge", "/embed"
LOOKED_AT = (SWITCH, BRIDGE, EMBED)
"""The script that a publisher loads, and the two pages that other sites embed."""

_REWRITES = "switch off what rewrites pages below the host's path: minifying, adding scripts, hiding mail addresses"
_MAX_AGE = 300
"""Seconds for which the host lets caches keep its pages."""
_TAG = re.compile(r'W/"([0-9a-f]{32})"')
_KINDS = {SWITCH: "javascript", BRIDGE: "html", EMBED: "html"}
_EMBEDDABLE = {SWITCH: ("", "unsafe-none"), BRIDGE: ("require-corp",), EMBED: ("", "unsafe-none")}
"""What `Cross-Origin-Embedder-Policy` may be."""


@dataclass(frozen=True)
class Page:
    """An answer with status 200 to a request that would have it uncompressed.

    Attributes:
        path: below the host's URL.
        headers: names in lower case and values, in their order; one name may stand there several times.
        body: as it came.
    """

    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """All values of a header: those of several lines, and those that one line joins by commas."""
        lines = [value for each, value in self.headers if each == name]
        return [value.strip() for line in lines for value in line.split(",") if value.strip()]

    def one(self, name: str) -> str:
        """The values of a header as one, in lower case; empty if there is none."""
        return ", ".join(self.all(name)).lower()


# --- headers that break embedding ---------------------------------------------------------------------
def finding_of_headers(pages: Sequence[Page]) -> Finding:
    """Whether other sites can embed what they need."""
    for page in pages:
        for code, text, advice in _obstacles(page):
            return bad(code, text, advice)
    return good("other sites may embed the switch")


def _obstacles(page: Page) -> Iterator[tuple[str, str, str]]:
    where = f"the server in front of the host {{}} {page.path}"
    let = "let it leave the headers of the host's answers alone"
    if page.path != SWITCH and (value := page.one("x-frame-options")):
        text = f"{where.format('adds X-Frame-Options to')} ({_quoted(value)}), so no other site can embed it"
        yield "x_frame_options", text, f"{let} (nginx: no add_header X-Frame-Options for this path)"
    yield from _obstacles_in_policy(page, where, let)
    if page.one("cross-origin-embedder-policy") not in _EMBEDDABLE[page.path]:
        text = where.format("changes Cross-Origin-Embedder-Policy of")
        yield "cross_origin_embedder_policy", f"{text}, so it cannot load or be embedded", let
    if page.one("cross-origin-resource-policy") != "cross-origin":
        text = where.format("changes Cross-Origin-Resource-Policy of")
        yield "cross_origin_resource_policy", f"{text}, so other sites cannot load it", let
    allowed = page.one("access-control-allow-origin")
    if allowed != "*":
        change = "adds a second Access-Control-Allow-Origin to" if "*" in allowed else "changes who may load"
        text = where.format(change)
        yield "access_control_allow_origin", f"{text}, so browsers refuse it on other sites", let
    if _KINDS[page.path] not in page.one("content-type"):
        text = where.format("changes Content-Type of")
        yield "content_type", f"{text}, so browsers do not run it", "let it pass the headers of the host on"


def _obstacles_in_policy(page: Page, where: str, let: str) -> Iterator[tuple[str, str, str]]:
    policies = [value for name, value in page.headers if name == "content-security-policy"]
    own = [each for each in policies if each.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")]
    if page.path != SWITCH and not own:
        text = where.format("replaces" if policies else "takes away") + "'s Content-Security-Policy"
        yield "content_security_policy", text, "let it pass the headers of the host on"
    # what one line joins by a comma counts as well
    if len(policies) > (page.path != SWITCH) or any("," in each for each in policies):
        text = f"{where.format('adds a Content-Security-Policy to')}, which forbids what it needs"
        yield "content_security_policy", text, let


def _quoted(value: str) -> str:
    return re.sub(r"[^a-z0-9 ,-]", "", value)[:40]


# --- caches, and what changes bodies -------------------------------------------------------------------
def finding_of_bodies(pages: Sequence[Page]) -> Finding:
    """Whether the pages come as the host has sent them."""
    for page in pages:
        if encoding := page.one("content-encoding").replace("identity", ""):
            how = _quoted(encoding)
            text = f"the server in front of the host compresses ({how}) for those who ask for no compression"
            advice = "let it compress nothing below the host's path (nginx: gzip off)"
            return bad("compressed", text, advice)
        tag = _TAG.fullmatch(", ".join(page.all("etag")))
        if tag is None:
            text = f"the server in front of the host takes ETag away from {page.path}, as those do that rewrite pages"
            return note("no_etag", text, f"{_REWRITES}, if it does")
        if hashlib.sha256(page.body).hexdigest()[:32] != tag[1]:
            text = f"the server in front of the host changes what is in {page.path}"
            return bad("changed", text, _REWRITES)
    return good("pages come as the host has sent them")


def finding_of_caches(pages: Sequence[Page], past_caches: Sequence[Page]) -> Finding:
    """Whether a cache keeps pages for as long as the host lets it. `past_caches` are those that no cache can have."""
    shown = {page.path: page for page in past_caches}
    for page in pages:
        if page.path in shown and page.body != shown[page.path].body:
            text = f"a cache in front of the host serves an old {page.path}"
            return bad("stale", text, "empty it, and let it obey Cache-Control of the host")
        if re.fullmatch("[0-9]{1,10}", age := page.one("age")) and int(age) > _MAX_AGE:
            text = f"a cache in front of the host keeps {page.path} for longer than the host lets it"
            return bad("kept", text, "let it obey Cache-Control of the host, or cache nothing below the host's path")
        if _max_age(page) > _MAX_AGE:
            text = f"the server in front of the host tells browsers to keep {page.path} for longer than the host does"
            advice = "let it pass Cache-Control of the host on (nginx: no expires below the host's path)"
            return bad("cache_control", text, advice)
    return good("no cache keeps pages for too long")


def _max_age(page: Page) -> int:
    control = page.one("cache-control")
    ages = [int(age) for age in re.findall(r"max-age=\"?([0-9]{1,10})", control)]
    if "immutable" in control:
        return _MAX_AGE + 1
    return max(ages, default=0)
