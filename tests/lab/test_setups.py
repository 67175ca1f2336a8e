"""What a censor can read of a set-up does not identify freespan, and looks like a call between browsers."""

import pytest

from lab import setups
from lab.fingerprint import describe, differences, identifying
from lab.setups import SETUPS

HEADLESS = "client, headless bridge"


async def test_nothing_identifies_a_client(small_network: None) -> None:
    packets = await setups.capture(HEADLESS)
    assert identifying(packets) == []
    seen = describe(packets)
    assert seen["dtls version"] == "DTLS 1.3"
    assert seen["dtls client"] == "volunteer"  # so no ClientHello is the reader's own
    assert seen["ServerHello: group"] == ("X25519MLKEM768",)
    assert seen["readable names"] == {"dns": ["host.example"], "sni": ["host.example"], "host": []}


@pytest.mark.parametrize("name", [name for name, each in SETUPS.items() if each.like != name])
async def test_a_client_s_packets_are_those_of_a_browser(real_network: None, name: str) -> None:
    packets = await setups.capture(name)
    assert identifying(packets) == []
    compared = differences(describe(packets), describe(await setups.capture(SETUPS[name].like)))
    assert [field for field in compared if not field.startswith("https:")] == []  # docs/lab.md lists those
