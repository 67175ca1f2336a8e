import ipaddress

import pytest

from freespan.egress import own_addresses
from freespan.egress.own_addresses import is_own
from tests.egress.dialing import LOOPBACK


def test_which_addresses_are_those_of_this_machine() -> None:
    assert is_own(LOOPBACK)
    assert is_own(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not is_own(ipaddress.ip_address("192.0.2.7"))
    assert not is_own(ipaddress.ip_address("2001:db8::7"))


def test_a_machine_that_may_bind_whatever_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "_can_bind", lambda _: True)
    assert is_own(LOOPBACK)
    assert not is_own(ipaddress.ip_address("192.0.2.7"))
