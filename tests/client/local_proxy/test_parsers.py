import pytest

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.parsers import socks_parser_for
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks4 import Socks4Parser
from freespan.client.local_proxy.socks5 import Socks5Parser


def test_the_first_byte_tells_the_language() -> None:
    assert isinstance(socks_parser_for(5), Socks5Parser)
    assert isinstance(socks_parser_for(4), Socks4Parser)
    for first in b"GCP\x00\x16\xff":
        assert socks_parser_for(first) is None


@pytest.mark.parametrize("sent", [b"\x05\x01\x00", b"\x04\x01\x01\xbb\x01\x01\x01\x01\x00"])
def test_a_password_is_wanted_in_each_language(sent: bytes) -> None:
    parser = socks_parser_for(sent[0], Credentials("a", "b"))
    assert parser is not None
    with pytest.raises(RequestError) as caught:
        parser.receive_data(sent)
    assert caught.value.reply
