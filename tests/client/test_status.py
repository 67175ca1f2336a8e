"""What a client reports of a session."""

from freespan.client.status import ClientStatus, Trouble, status_of_failure, status_of_session
from freespan.client.transports import TransportInUse


def test_one_link_is_described_by_its_transport() -> None:
    transports: tuple[TransportInUse, ...] = ("webrtc", "turn", "websocket", "front")
    opened = [status_of_session(transport, 1, {"offer": 0.1}) for transport in transports]
    assert [status.detail for status in opened] == [
        "a bridge carries this session",
        "a bridge carries this session, through the host's TURN server",
        "connected straight to the host, without a bridge",
        "connected to the host through a front, without a bridge",
    ]
    assert opened[0] == ClientStatus("open", opened[0].detail, "webrtc", 1, {"offer": 0.1})


def test_a_failure_is_described_with_the_time_of_the_next_try() -> None:
    why = Trouble("cut", "why")
    assert status_of_failure(why, 2.6) == ClientStatus("waiting", "why; next try in 3 s", reason="why", cause="cut")
    assert status_of_failure(why, 0.4) == ClientStatus("waiting", "why; trying again", reason="why", cause="cut")


def test_several_links_are_counted() -> None:
    assert status_of_session("webrtc", 3) == ClientStatus("open", "3 bridges carry this session", "webrtc", 3)


def test_a_session_without_a_link_waits_for_what_may_come_back() -> None:
    assert "another one comes" in status_of_session("turn", 0).detail
    assert "is back" in status_of_session("front", 0).detail
    assert status_of_session("front", 0).state == "waiting"
    assert status_of_session("front", 0).transport == "front"
