"""Other limits for gathering, where links are made too deep for settings to be handed in."""

import pytest

from freespan.link.settings import GatheringSettings


def wait_for_stun(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """From now on, links wait so long for STUN and TURN servers, until the end of the test."""
    defaults = GatheringSettings.__init__.__kwdefaults__
    assert defaults is not None
    for name in ("stun_seconds", "turn_seconds"):
        assert name in defaults
        monkeypatch.setitem(defaults, name, seconds)
