"""`python -m lab capture`: what a censor reads of a set-up at the border, and whether it looks like a browser's call.

From the same reader's home to the same volunteer's: a client with a headless bridge, and with one in Chromium and in
Firefox; and, to compare, a page in Chromium that calls a page in either browser by an ordinary data channel.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import eyes, measure
from lab.capture import Seen, capturing
from lab.errors import LabError
from lab.eyes import Datagram, Handshake, Hello
from lab.hosts import BROWSER_SECONDS, HOST, NEWS, Layout, World, volunteering, world
from lab.programs import Told, python

STUN_URLS = [f"stun:{HOST}:443", f"stun:{HOST}:444"]
"""What a host names by itself; the browsers that call each other are given the same."""
_RESULTS = Path(__file__).parent / "capture.json"
_INTERFACE = "to-reader-r"
_CALL_SECONDS = 15.0
_FIRST = 8
"""So many packets of a kind are told of."""
_BINDING, _BINDING_ANSWER = 0x001, 0x101
_APPLICATION_MESSAGE = 1200

Setup = dict[str, Any]
"""What was seen: fields in words; see `describe`."""


async def capture_all() -> int:
    """Print what was seen, write it down; exit code 1 where something gives freespan away."""
    seen = {name: await capture(name) for name in SETUPS}
    setups = {name: describe(packets) for name, packets in seen.items()}
    faults = {name: found for name, packets in seen.items() if (found := telling(packets))}
    compared = {
        name: differences(setups[name], setups[each.like]) for name, each in SETUPS.items() if each.like != name
    }
    _RESULTS.write_text(json.dumps({"setups": setups, "differs": compared, "gives_away": faults}, indent=1) + "\n")
    for name, setup in setups.items():
        print(f"{name}\n" + "".join(f"  {field:28} {_short(value)}\n" for field, value in setup.items()))
    for name, fields in compared.items():
        print(f"{name}: differs from {SETUPS[name].like} in {', '.join(fields) or 'nothing'}")
    for name, found in faults.items():
        print(f"{name}: gives itself away: {'; '.join(found)}")
    return 1 if faults else 0


async def capture(name: str) -> list[Seen]:
    """The packets that cross the border in one of SETUPS, from before the first one until data has flown."""
    program = SETUPS[name].program
    layout = Layout(volunteer="port-restricted", program=program)
    async with world(layout.homes(), layout.censor) as here:
        border = here.network.nodes["border"].namespace
        if SETUPS[name].like == name:
            async with _page(here, "reader", "chromium") as caller, _page(here, "volunteer", program) as called:
                with capturing(border, _INTERFACE) as captured:
                    await _call(caller, called)
        else:
            async with volunteering(here, "volunteer", program), measure.reading(here) as browser:
                with capturing(border, _INTERFACE) as captured:
                    async with measure.connecting(here, "reader", "--transport", "webrtc") as (client, proxy):
                        _, why = await measure.first_page(client, browser, proxy)
                if why != "ok":
                    raise LabError(f"the set-up to be captured failed: {why}")
    if captured.missed:
        raise LabError(f"{captured.missed} packets too many to capture")
    return captured.packets


@dataclass(frozen=True, slots=True)
class SetupKind:
    """`program` is the volunteer's; `like` is the call between browsers that it is compared with, perhaps itself."""

    program: str
    like: str


_TO_CHROMIUM, _TO_FIREFOX = "Chromium calls Chromium", "Chromium calls Firefox"
SETUPS = {
    "client, headless bridge": SetupKind("headless", _TO_CHROMIUM),
    "client, Chromium bridge": SetupKind("chromium", _TO_CHROMIUM),
    "client, Firefox bridge": SetupKind("firefox", _TO_FIREFOX),
    _TO_CHROMIUM: SetupKind("chromium", _TO_CHROMIUM),
    _TO_FIREFOX: SetupKind("firefox", _TO_FIREFOX),
}


# --- a call from browser to browser --------------------------------------------------------------

_PREPARE = """(async () => {
    window.connection = new RTCPeerConnection({iceServers: [{urls: %(stun)s}]});
    window.channel = connection.createDataChannel("data", {negotiated: true, id: 0});
    window.opened = new Promise((done) => channel.addEventListener("open", done));
    const offer = %(offer)s;
    if (offer) await connection.setRemoteDescription({type: "offer", sdp: offer});
    await connection.setLocalDescription();
    await new Promise((done) => {
        connection.onicegatheringstatechange = () => connection.iceGatheringState == "complete" && done();
        setTimeout(done, 1000);
    });
    return connection.localDescription.sdp;
})()"""
_ACCEPT = """(async () => {
    await connection.setRemoteDescription({type: "answer", sdp: %(answer)s});
    await Promise.race([opened, new Promise((_, fail) => setTimeout(() => fail(Error("not open")), 10000))]);
    for (let i = 0; i < 20; i++) channel.send(new Uint8Array(%(size)d));
    await new Promise((done) => setTimeout(done, 200));
    return channel.readyState;
})()"""


@asynccontextmanager
async def _page(here: World, node: str, browser: str) -> AsyncIterator[Told]:
    trusted = [str(here.certificate(name)) for name in (NEWS, HOST)]
    command = [*python("lab.page"), browser, f"https://{NEWS}/small", *trusted]
    async with here.running(node, "page", command) as page:
        await page.event(lambda event: event.get("event") == "ready", BROWSER_SECONDS, "page")
        yield page


async def _call(caller: Told, called: Told) -> None:
    """One page of `HOST`, as a switchboard would be asked for, then the call."""
    await _value(caller, f'fetch("https://{HOST}/", {{mode: "no-cors"}}).then(() => true)')
    stun = json.dumps(STUN_URLS)
    offer = await _value(caller, _PREPARE % {"stun": stun, "offer": "null"})
    answer = await _value(called, _PREPARE % {"stun": stun, "offer": json.dumps(offer)})
    await _value(caller, _ACCEPT % {"answer": json.dumps(answer), "size": _APPLICATION_MESSAGE})


async def _value(page: Told, script: str) -> Any:
    await page.tell({"script": script})
    event = await page.event(lambda event: event.get("event") == "value", _CALL_SECONDS, "value")
    if "why" in event:
        raise LabError(f"the call between browsers failed: {event['why']}")
    return event["value"]


# --- what was seen -------------------------------------------------------------------------------


def describe(packets: Sequence[Seen]) -> Setup:
    """What the reader's STUN and DTLS packets show, field by field; those of the volunteer where they help.

    The capture is of the border's interface towards the reader, so what leaves it is the volunteer's.
    """
    everything = list(eyes.datagrams(packets))
    flow = _dtls_flow(everything)
    here = [each for each in everything if each.flow == flow]
    return {
        **_stun_fields(everything, here),
        **_dtls_fields(here),
        **_https_fields(packets),
        **_other_fields(packets, here),
    }


def differences(one: Setup, other: Setup) -> list[str]:
    """The fields in which two differ; times, sizes and names are left out, for they are never twice the same."""
    left_out = (" ms", " bytes", " read")
    return [name for name, value in one.items() if not name.endswith(left_out) and value != other.get(name)]


def telling(packets: Sequence[Seen]) -> list[str]:
    """What gives freespan away, one line each; empty when nothing does."""
    found = [f"the word {word}" for word in eyes.telling_words(packets)]
    if count := eyes.certificates(packets):
        found.append(f"{count} certificates in clear")
    setup = describe(packets)
    if setup["dtls version"] != "DTLS 1.3":
        found.append(f"{setup['dtls version']} instead of DTLS 1.3")
    if setup["neither STUN nor DTLS"]:
        found.append("packets between the two that are neither STUN nor DTLS")
    return found


def _dtls_flow(everything: Sequence[Datagram]) -> frozenset[tuple[str, int]]:
    """The two ends between whom DTLS was spoken."""
    flows = [each.flow for each in everything if eyes.read_records(each.payload)]
    if not flows:
        raise LabError("no DTLS was seen")
    return flows[-1]


def _stun_fields(everything: Sequence[Datagram], here: Sequence[Datagram]) -> Setup:
    read = [(each, message) for each in everything if (message := eyes.read_stun(each.payload))]
    asking = [(each, m) for each, m in read if not each.leaves and m.kind == _BINDING and not m.user]
    checks = [(each, m) for each, m in read if each in here and not each.leaves and m.kind == _BINDING and m.user]
    answers = [m for each, m in read if each in here and not each.leaves and m.kind == _BINDING_ANSWER]
    users = {tuple(len(part) for part in m.user.split(b":")) for _, m in checks}
    return {
        "stun server: attributes": _distinct(m.names for _, m in asking),
        "stun server: first ms": _times([each for each, _ in asking]),
        "checks: attributes": _distinct(m.names for _, m in checks),
        "checks: lengths": _distinct([f"{length}" for _, length in m.attributes] for _, m in checks),
        "checks: ufrag lengths": sorted(users),
        "checks: first ms": _times([each for each, _ in checks]),
        "answers: attributes": _distinct(m.names for m in answers),
        "other stun": sorted({f"0x{m.kind:03x}" for _, m in read} - {"0x001", "0x101"}),
    }


def _dtls_fields(here: Sequence[Datagram]) -> Setup:
    hellos: dict[bool, list[Hello]] = {True: [], False: []}
    sides = {True: Handshake(), False: Handshake()}
    flights, sealed = [], []
    for each in here:
        if not (records := eyes.read_records(each.payload)):
            continue
        for kind, body in sides[each.leaves].read(records):
            if hello := eyes.read_hello(kind, body, datagrams=True):
                hellos[each.leaves].append(hello)
        flights.append(f"{'←' if each.leaves else '→'}{len(each.payload)}")
        sealed += [record.kind for record in records if not record.is_clear and not each.leaves]
    answered = [hello for hello in hellos[False] if not hello.retry]
    offered = hellos[True]
    return {
        "dtls client": "volunteer" if offered else "reader",
        "dtls version": answered[0].version if answered else "",
        "ServerHello: cipher": answered[0].ciphers if answered else (),
        "ServerHello: extensions": answered[0].extensions if answered else (),
        "ServerHello: group": answered[0].shares if answered else (),
        "HelloRetryRequest": any(hello.retry for hello in hellos[False]),
        "record header": sorted({f"0x{kind:02x}" for kind in sealed}),
        "volunteer's ciphers": offered[0].ciphers if offered else (),
        "volunteer's extensions": sorted(offered[0].extensions) if offered else (),
        "volunteer's shares": offered[0].shares if offered else (),
        "flights: bytes": flights[: 2 * _FIRST],
    }


def _https_fields(packets: Sequence[Seen]) -> Setup:
    """The first ClientHello to a TLS server; extensions sorted, since browsers shuffle them."""
    hellos = (
        eyes.read_hello(kind, body, datagrams=False)
        for stream in eyes.streams(packets).values()
        for kind, body in eyes.tls_messages(stream)
    )
    hello = next((each for each in hellos if each and len(each.ciphers) > 1), None)
    if hello is None:
        return {}
    return {
        "https: ciphers": hello.ciphers,
        "https: extensions": sorted(hello.extensions),
        "https: groups": hello.groups,
        "https: shares": hello.shares,
        "https: alpn": hello.alpn,
    }


def _other_fields(packets: Sequence[Seen], here: Sequence[Datagram]) -> Setup:
    unknown = sum(not eyes.read_stun(each.payload) and not eyes.read_records(each.payload) for each in here)
    return {"neither STUN nor DTLS": unknown, "names that can be read": eyes.names(packets)}


def _distinct(lists: Any) -> list[str]:
    return list(dict.fromkeys(" ".join(each) for each in lists))


def _times(those: Sequence[Datagram]) -> list[float]:
    """Milliseconds since the first."""
    return [round((each.at - those[0].at) * 1000, 1) for each in those[:_FIRST]]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
