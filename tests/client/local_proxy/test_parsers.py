import pytest

from freespan.client.local_proxy.http1 import HttpFront
from freespan.client.local_proxy.parsers import front_for
from freespan.client.local_proxy.request import FrontError
from freespan.client.local_proxy.socks5 import Socks5Front


def test_the_first_byte_tells_the_language() -> None:
    assert isinstance(front_for(5), Socks5Front)
    for first in b"GCP\x00\x16\xff":
        assert isinstance(front_for(first), HttpFront)


def test_socks4_is_answered_in_its_own_words() -> None:
    with pytest.raises(FrontError, match="SOCKS5") as caught:
        front_for(4)
    assert caught.value.reply == b"\x00\x5b" + bytes(6)
