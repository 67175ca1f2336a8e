"""All fuzz targets, by name."""

from __future__ import annotations

from fuzz.fuzz_target import FuzzTarget
from fuzz.targets import bond, http3, local_proxy, messages, quic, replies, sdp, sealed, sources, stun, text

_MODULES = (messages, replies, sealed, text, sdp, stun, sources, local_proxy, bond, quic, http3)

TARGETS: dict[str, FuzzTarget] = {target.name: target for module in _MODULES for target in module.TARGETS}
PLACES: dict[str, str] = {target.name: module.__name__ for module in _MODULES for target in module.TARGETS}
"""The module of each target."""
