import pytest

from freespan.client.local_proxy.credentials import Credentials, parse_credentials
from freespan.wire.errors import InputError


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("reader:secret", "reader", "secret"),
        ("  reader:secret\n", "reader", "secret"),
        ("reader:se:cr:et", "reader", "se:cr:et"),
        ("läser:gehäim", "läser", "gehäim"),
        ("a:" + "b" * 255, "a", "b" * 255),
    ],
)
def test_credentials_of_a_file(text: str, user: str, password: str) -> None:
    found = parse_credentials(text)
    assert (found.user, found.password) == (user, password)
    assert found.are(user.encode(), password.encode())


@pytest.mark.parametrize(
    "text", ["", ":", "reader", "reader:", ":secret", "a:b\nc:d", "a:\x00", "a" * 256 + ":b", "a:" + "ü" * 128]
)
def test_credentials_that_are_none_are_never_quoted(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_credentials(text)
    assert caught.value.field == "proxy-password"
    assert len(text) < 2 or text not in str(caught.value)


def test_name_and_password_are_not_mixed_up() -> None:
    asked_for = Credentials("ab", "cd")
    assert not any(asked_for.are(*given) for given in [(b"abc", b"d"), (b"a", b"bcd"), (b"cd", b"ab"), (b"", b"abcd")])


def test_a_password_does_not_show_when_it_is_printed() -> None:
    assert "secret" not in repr(Credentials("reader", "secret"))
