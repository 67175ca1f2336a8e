"""The commands and addresses that the demo suggests."""

from pathlib import Path

from freespan.demo.addresses import Addresses
from freespan.demo.suggestions import firefox_settings, suggestions

ADDRESSES = Addresses(
    host="http://127.0.0.1:1000",
    proxy="127.0.0.1:8118",
    news_port=8001,
    blocked_port=8002,
    blocked_tls_port=4430,
    censor_port=8003,
    authority_file=Path("/tmp/a b/demo-ca.pem"),
    folder=Path("/tmp/a b"),
)


def test_commands_are_ready_to_copy() -> None:
    copies = [one.copy for one in suggestions(ADDRESSES, {})]
    assert "http://127.0.0.1:8001/" in copies
    assert "curl --connect-to ::127.0.0.1:8003 http://blocked.test/" in copies
    assert "curl -x http://127.0.0.1:8118 http://blocked.test:8002/small" in copies
    assert any("--cacert '/tmp/a b/demo-ca.pem' https://blocked.test:4430/small" in copy for copy in copies)
    assert copies[-1] == "http://blocked.test:8002/"


def test_only_installed_browsers_are_offered() -> None:
    both = {"chromium": Path("/usr/bin/chromium"), "firefox": Path("/usr/bin/firefox")}
    text = "\n".join(one.copy for one in suggestions(ADDRESSES, both))
    assert "/usr/bin/chromium --no-first-run" in text
    assert "--proxy-server=http://127.0.0.1:8118" in text
    assert "/usr/bin/firefox --no-remote --profile '/tmp/a b/firefox'" in text
    assert "firefox" not in "\n".join(one.copy for one in suggestions(ADDRESSES, {"chromium": both["chromium"]}))


def test_root_gets_the_option_that_chromium_needs() -> None:
    found = suggestions(ADDRESSES, {"chromium": Path("/usr/bin/chromium")}, as_root=True)
    assert any("--no-sandbox" in one.copy for one in found)


def test_firefox_asks_the_proxy_for_names() -> None:
    settings = firefox_settings("127.0.0.1:8118")
    assert 'user_pref("network.proxy.socks_remote_dns", true);' in settings
    assert 'user_pref("network.proxy.socks", "127.0.0.1");' in settings
    assert 'user_pref("network.proxy.socks_port", 8118);' in settings


def test_neither_browser_sends_webrtc_past_the_proxy() -> None:
    copies = "\n".join(one.copy for one in suggestions(ADDRESSES, {"chromium": Path("/usr/bin/chromium")}))
    assert "--webrtc-ip-handling-policy=disable_non_proxied_udp" in copies
    assert 'ice.proxy_only_if_behind_proxy", true' in firefox_settings("127.0.0.1:8118")
