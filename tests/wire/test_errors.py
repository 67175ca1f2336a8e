import pytest

from freespan.wire import errors
from freespan.wire.proxy_status import ProxyStatus

EXAMPLES = [
    errors.InputError("port", "is in use"),
    errors.InviteError("is cut"),
    errors.MessageError("offer", "is no offer"),
    errors.VersionError("version", "is 2: update"),
    errors.SealError(),
    errors.MissingLibraryError("freespan[host]", ["aiohttp"]),
    errors.NotAdmittedError("invite_revoked"),
    errors.RendezvousError("no_bridge", "no bridge is free", retry=True, after=3.0),
    errors.LinkError("the connection was lost"),
    errors.TunnelError("the session timed out"),
    errors.HostFullError("the host takes no new session now"),
    errors.WrongKeyError(),
    errors.StreamError(ProxyStatus("dns_error")),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_is_one_line_for_a_person(error: errors.FreespanError) -> None:
    assert isinstance(error, errors.FreespanError)
    assert str(error)
    assert "\n" not in str(error)


def test_every_class_of_the_tree_has_an_example() -> None:
    classes = {value for value in vars(errors).values() if isinstance(value, type)}
    tree = {one for one in classes if issubclass(one, errors.FreespanError)}
    assert tree - {errors.FreespanError} == {type(example) for example in EXAMPLES}


def test_bad_input_names_the_field() -> None:
    error = errors.InputError("port", "is in use")
    assert (error.field, error.reason, str(error)) == ("port", "is in use", "port: is in use")
    assert errors.InviteError("is cut").field == "invite"
    assert issubclass(errors.InviteError, errors.InputError)
    assert issubclass(errors.MessageError, errors.InputError)


def test_a_failed_rendezvous_tells_whether_to_ask_again() -> None:
    error = errors.RendezvousError("busy", "the broker is busy", retry=True, after=3.0)
    assert (error.code, error.retry, error.after) == ("busy", True, 3.0)
    assert errors.RendezvousError("protocol_error", "no JSON", retry=False).after is None


def test_a_wrong_key_is_an_error_of_the_tunnel_and_tells_what_to_do() -> None:
    assert isinstance(errors.WrongKeyError(), errors.TunnelError)
    assert "nothing was sent" in str(errors.WrongKeyError())
    assert "new invite" in str(errors.WrongKeyError())


def test_a_failed_stream_carries_the_standard_reason() -> None:
    error = errors.StreamError(ProxyStatus("dns_error"))
    assert error.status.error == "dns_error"
    assert str(error) == error.status.sentence()
