"""All fuzz targets, by name."""

from __future__ import annotations

from fuzz.fuzz_target import FuzzTarget
from fuzz.targets import bond, local_proxy, messages, replies, sdp, sources, stun, text, tunnel

TARGETS: dict[str, FuzzTarget] = {
    target.name: target
    for module in (messages, replies, text, sdp, stun, sources, local_proxy, bond, tunnel)
    for target in module.TARGETS
}
