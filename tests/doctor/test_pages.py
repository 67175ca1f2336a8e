"""What is said of the headers and bodies of pages, whatever they are."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.doctor.pages import (
    BRIDGE,
    EMBED,
    LOOKED_AT,
    SWITCH,
    Page,
    finding_of_bodies,
    finding_of_caches,
    finding_of_headers,
)

BODY = b"a page\n"
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'self' https://a.example"


def page(path: str, *changes: tuple[str, str], body: bytes = BODY) -> Page:
    """A page as a host sends it, but for changes; an empty value takes a header away."""
    headers = {
        "content-type": "text/javascript; charset=utf-8" if path == SWITCH else "text/html; charset=utf-8",
        "access-control-allow-origin": "*",
        "cache-control": "public, max-age=300",
        "cross-origin-resource-policy": "cross-origin",
        "etag": f'W/"{hashlib.sha256(BODY).hexdigest()[:32]}"',
    }
    if path != SWITCH:
        headers["content-security-policy"] = POLICY
    if path == BRIDGE:
        headers["cross-origin-embedder-policy"] = "require-corp"
    changed = headers | dict(changes)
    return Page(path, [(name, value) for name, value in changed.items() if value], body)


RIGHT = [page(path) for path in LOOKED_AT]


def test_pages_as_a_host_sends_them() -> None:
    assert finding_of_headers(RIGHT).state == "good"
    assert finding_of_bodies(RIGHT).state == "good"
    assert finding_of_caches(RIGHT, RIGHT).state == "good"


@pytest.mark.parametrize(
    ("path", "name", "value", "code"),
    [
        (EMBED, "x-frame-options", "ALLOW-FROM https://a.example", "x_frame_options"),
        (BRIDGE, "x-frame-options", "SAMEORIGIN, SAMEORIGIN", "x_frame_options"),
        (EMBED, "content-security-policy", f"{POLICY}, frame-ancestors 'none'", "content_security_policy"),
        (BRIDGE, "content-security-policy", "upgrade-insecure-requests", "content_security_policy"),
        (SWITCH, "content-security-policy", "sandbox", "content_security_policy"),
        (SWITCH, "cross-origin-resource-policy", "same-site", "cross_origin_resource_policy"),
        (SWITCH, "cross-origin-resource-policy", "", "cross_origin_resource_policy"),
        (EMBED, "cross-origin-embedder-policy", "credentialless", "cross_origin_embedder_policy"),
        (BRIDGE, "cross-origin-embedder-policy", "", "cross_origin_embedder_policy"),
        (SWITCH, "access-control-allow-origin", "", "access_control_allow_origin"),
        (SWITCH, "access-control-allow-origin", "*, *", "access_control_allow_origin"),
        (SWITCH, "content-type", "application/octet-stream", "content_type"),
        (EMBED, "content-type", "text/plain", "content_type"),
    ],
)
def test_headers_that_break_embedding(path: str, name: str, value: str, code: str) -> None:
    pages = [page(each, *([(name, value)] if each == path else [])) for each in LOOKED_AT]
    found = finding_of_headers(pages)
    assert (found.state, found.code) == ("bad", code)
    assert path in found.text


@pytest.mark.parametrize("name", ["strict-transport-security", "server", "via", "x-cache", "alt-svc", "set-cookie"])
def test_headers_that_break_nothing(name: str) -> None:
    assert finding_of_headers([page(path, (name, "anything")) for path in LOOKED_AT]).state == "good"


def test_a_switch_may_not_be_framed_and_need_not() -> None:
    """It is a script, so X-Frame-Options says nothing of it."""
    assert finding_of_headers([page(SWITCH, ("x-frame-options", "DENY"))]).state == "good"


@pytest.mark.parametrize(
    ("control", "code"),
    [
        ("public, max-age=3600", "cache_control"),
        ('max-age="86400"', "cache_control"),
        ("max-age=300, s-maxage=9, immutable", "cache_control"),
        ("no-store", ""),
        ("private, max-age=10", ""),
    ],
)
def test_how_long_browsers_may_keep_them(control: str, code: str) -> None:
    pages = [page(path, ("cache-control", control)) for path in LOOKED_AT]
    assert finding_of_caches(pages, pages).code == code


Names = st.sampled_from(
    ["etag", "age", "cache-control", "content-encoding", "content-type", "content-security-policy", "x-frame-options"]
) | st.text(max_size=12)


@given(st.lists(st.tuples(Names, st.text(max_size=40)), max_size=8), st.binary(max_size=40))
def test_any_headers_and_any_body(headers: list[tuple[str, str]], body: bytes) -> None:
    pages = [Page(path, headers, body) for path in LOOKED_AT]
    for found in (finding_of_headers(pages), finding_of_bodies(pages), finding_of_caches(pages, RIGHT)):
        assert found.text
        assert "\n" not in found.text + found.advice
