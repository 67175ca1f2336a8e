"""The one origin to which a volunteer connects; bridge/bridge.js leaves this to the browser's URL parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import MessageError
from freespan.wire.origin import websocket_at_origin
from tests.support.attempts import attempt


@pytest.mark.parametrize(
    ("base", "url", "expected"),
    [
        ("https://host.example", "wss://host.example/v1/egress", "wss://host.example/v1/egress"),
        ("https://host.example/a/b", "wss://HOST.example:443/c?bridge=x_Y-1", "wss://host.example/c?bridge=x_Y-1"),
        ("https://host.example:443", "wss://host.example", "wss://host.example:443/"),
        ("http://host.example", "ws://host.example:80/", "ws://host.example/"),
        ("http://127.0.0.1:8787/x", "ws://127.0.0.1:8787/x/v1/egress", "ws://127.0.0.1:8787/x/v1/egress"),
        ("http://[2A00::1]:1", "ws://[2a00:0::1]:1/", "ws://[2A00::1]:1/"),
        ("https://b\u00fccher.example", "wss://xn--bcher-kva.example/", "wss://b\u00fccher.example/"),
    ],
)
def test_what_is_there(base: str, url: str, expected: str) -> None:
    assert websocket_at_origin(base, url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ws://host.example/",
        "wss://host.example:444/",
        "wss://host.example.evil/",
        "wss://evil.host.example/",
        "wss://127.0.0.1/",
        "wss://user@host.example/",
        "wss://host.example@127.0.0.1/",
        "wss://host.example:443@127.0.0.1/",
        "wss://host.example\\@127.0.0.1/",
        "wss://host.example\\.evil/",
        "wss://host.example/a\\b",
        "wss://host.example#@127.0.0.1/",
        "wss://host.example/#x",
        "wss://host.example?@127.0.0.1/",
        "wss://host.example/ x",
        "wss://host.example/\r\nHost: 127.0.0.1",
        "wss:host.example/",
        "wss:///host.example/",
        "https://host.example/",
        "WSS://host.example/",
        "wss://host.example:65979/",
        "wss://host.example:/",
        "wss://host%2eexample/",
        "wss://\uff48ost.example/",
        "wss://[::1/",
        "wss://a..b/",
        "wss://host.example.1/",
        "wss://",
        "",
    ],
)
def test_what_is_elsewhere(url: str) -> None:
    with pytest.raises(MessageError) as caught:
        websocket_at_origin("https://host.example", url)
    assert caught.value.field == "egress"


@given(st.text() | st.text().map("wss://host.example".__add__))
def test_any_text_leads_there_or_nowhere(url: str) -> None:
    found = attempt(lambda: websocket_at_origin("https://host.example", url), MessageError)
    assert isinstance(found, MessageError) or found.startswith("wss://host.example/")
