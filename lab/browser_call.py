"""A call between two browsers by an ordinary data channel, with which freespan's packets are compared."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lab.commands import python
from lab.errors import LabError
from lab.programs import InteractiveProgram
from lab.world import BROWSER_SECONDS, HOST, NEWS, World

STUN_URLS = [f"stun:{HOST}:443", f"stun:{HOST}:444"]
"""The STUN servers that a host names by default; the calling browsers use the same."""
_CALL_SECONDS = 15.0
_APPLICATION_MESSAGE = 1200

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
async def running_page(here: World, node: str, browser: str) -> AsyncIterator[InteractiveProgram]:
    """Run a browser with a page in a node for the length of the block."""
    trusted = [str(here.certificate(name)) for name in (NEWS, HOST)]
    command = [*python("lab.scripted_page"), browser, f"https://{NEWS}/small", *trusted]
    async with here.running(node, "page", command) as page:
        await page.event(lambda event: event.get("event") == "ready", BROWSER_SECONDS, "page")
        yield page


async def call(caller: InteractiveProgram, called: InteractiveProgram) -> None:
    """Fetch one page of the host, as signalling would do, and then call."""
    await _value(caller, f'fetch("https://{HOST}/", {{mode: "no-cors"}}).then(() => true)')
    stun = json.dumps(STUN_URLS)
    offer = await _value(caller, _PREPARE % {"stun": stun, "offer": "null"})
    answer = await _value(called, _PREPARE % {"stun": stun, "offer": json.dumps(offer)})
    await _value(caller, _ACCEPT % {"answer": json.dumps(answer), "size": _APPLICATION_MESSAGE})


async def _value(page: InteractiveProgram, script: str) -> Any:
    await page.send({"script": script})
    event = await page.event(lambda event: event.get("event") == "value", _CALL_SECONDS, "value")
    if "why" in event:
        raise LabError(f"the call between browsers failed: {event['why']}")
    return event["value"]
