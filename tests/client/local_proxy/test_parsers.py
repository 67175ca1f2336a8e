import pytest

from freespan.client.local_proxy.http1 import HttpParser
from freespan.client.local_proxy.parsers import parser_for
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks5 import Socks5Parser


def test_the_first_byte_tells_the_language() -> None:
    assert isinstance(parser_for(5), Socks5Parser)
    for first in b"GCP\x00\x16\xff":
        assert isinstance(parser_for(first), HttpParser)


def test_socks4_is_answered_in_its_own_words() -> None:
    with pytest.raises(RequestError, match="SOCKS5") as caught:
        parser_for(4)
    assert caught.value.reply == b"\x00\x5b" + bytes(6)
