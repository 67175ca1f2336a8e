"""What a censor reads of a set-up gives nothing away, and looks like a call from browser to browser."""

import pytest

from lab import setups
from lab.setups import SETUPS, describe, differences, telling

HEADLESS = "client, headless bridge"


async def test_nothing_gives_a_client_away(small_network: None) -> None:
    packets = await setups.capture(HEADLESS)
    assert telling(packets) == []
    seen = describe(packets)
    assert seen["dtls version"] == "DTLS 1.3"
    assert seen["dtls client"] == "volunteer"  # so no ClientHello is the reader's own
    assert seen["ServerHello: group"] == ("X25519MLKEM768",)
    assert seen["names that can be read"] == {"dns": ["host.example"], "sni": ["host.example"], "host": []}


@pytest.mark.parametrize("name", [name for name, each in SETUPS.items() if each.like != name])
async def test_a_client_s_packets_are_those_of_a_browser(real_network: None, name: str) -> None:
    packets = await setups.capture(name)
    assert telling(packets) == []
    compared = differences(describe(packets), describe(await setups.capture(SETUPS[name].like)))
    assert [field for field in compared if not field.startswith("https:")] == []  # docs/lab.md lists those
