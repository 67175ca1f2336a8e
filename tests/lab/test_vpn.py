"""A reader behind a VPN: nothing leaves beside it, and no volunteer learns the reader's own address."""

from lab import vpn
from lab.world import Services

VPN = "11.20.3.1"
"""The address that the VPN gives its readers."""


async def test_nothing_leaves_beside_a_vpn(small_network: None) -> None:
    """The VPN carries IPv4 alone, and the system would route IPv6, and the reader's own IPv4 address, beside it."""
    async with vpn.running_vpn(has_ipv6=True) as (here, own), vpn.running_bridge(here):
        seen = await vpn.watch(here, "--transport", "webrtc")
        assert seen.by_uplink == set()
        assert {("STUN request", "10.9.0.2"), ("check request", "10.9.0.2"), ("DTLS", "10.9.0.2")} <= seen.by_tunnel
        assert VPN in seen.volunteer_heard & seen.volunteer_asked
        assert own not in seen.volunteer_heard | seen.volunteer_asked
        seen = await vpn.watch(here, "--transport", "websocket")
        assert (seen.by_uplink, seen.by_tunnel) == (set(), {("DNS", "10.9.0.2"), ("TCP", "10.9.0.2")})
        # so it is not for want of a way that nothing has left beside it
        seen = await vpn.watch(here, "--transport", "webrtc", "--all-interfaces")
        assert {("STUN request", own), ("check request", own)} <= seen.by_uplink
        assert own in seen.volunteer_heard & seen.volunteer_asked


async def test_nothing_leaves_beside_a_vpn_by_a_turn_server(real_network: None, turn_server: None) -> None:
    async with vpn.running_vpn(services=Services(turn=("udp",))) as (here, own), vpn.running_bridge(here):
        seen = await vpn.watch(here, "--transport", "turn")
        assert seen.by_uplink == set()
        assert ("STUN allocation", "10.9.0.2") in seen.by_tunnel
        # a TURN server of the host alone hides the reader from the volunteer, and not from the host
        seen = await vpn.watch(here, "--transport", "turn", "--all-interfaces")
        assert ("STUN allocation", own) in seen.by_uplink
        assert own not in seen.volunteer_heard | seen.volunteer_asked
