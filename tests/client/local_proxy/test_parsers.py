import pytest

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http1 import HttpParser
from freespan.client.local_proxy.parsers import parser_for
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.socks4 import Socks4Parser
from freespan.client.local_proxy.socks5 import Socks5Parser


def test_the_first_byte_tells_the_language() -> None:
    assert isinstance(parser_for(5), Socks5Parser)
    assert isinstance(parser_for(4), Socks4Parser)
    for first in b"GCP\x00\x16\xff":
        assert isinstance(parser_for(first), HttpParser)


@pytest.mark.parametrize(
    "sent", [b"\x05\x01\x00", b"\x04\x01\x01\xbb\x01\x01\x01\x01\x00", b"CONNECT example.org:443 HTTP/1.1\r\n\r\n"]
)
def test_a_password_is_wanted_in_each_language(sent: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parser_for(sent[0], Credentials("a", "b")).receive_data(sent)
    assert caught.value.reply
