"""How a browser is told to use the local proxy, and nothing beside it. Pure.

A proxy alone is not enough. Both browsers send WebRTC's packets past it, so a script of any page learns from a STUN
server at which address its visitor really is.
"""

from __future__ import annotations

Preferences = dict[str, bool | int | str]
"""Of Firefox, as in `user.js`."""


def chromium_flags(proxy: str) -> tuple[str, ...]:
    """Return the options for a proxy: a `host:port` that speaks HTTP, or the URL of a PAC script that names it."""
    which = f"--proxy-pac-url={proxy}" if _is_script(proxy) else f"--proxy-server=http://{proxy}"
    return (which, "--webrtc-ip-handling-policy=disable_non_proxied_udp")


def firefox_preferences(proxy: str) -> Preferences:
    """Return the preferences for a proxy: a `host:port` that speaks SOCKS5, or the URL of a PAC script that names it.

    The proxy resolves all names.
    """
    beside: Preferences = {
        "network.proxy.socks_remote_dns": True,
        "media.peerconnection.ice.proxy_only_if_behind_proxy": True,
    }
    if _is_script(proxy):
        return {"network.proxy.type": 2, "network.proxy.autoconfig_url": proxy, **beside}
    host, _, port = proxy.rpartition(":")
    return {
        "network.proxy.type": 1,
        "network.proxy.socks": host,
        "network.proxy.socks_port": int(port),
        "network.proxy.socks_version": 5,
        **beside,
    }


def _is_script(proxy: str) -> bool:
    return "//" in proxy
