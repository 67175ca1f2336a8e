"""The lab's world: an internet with a host, sites and DNS; a country with a censor; homes behind NATs.

    news ─┐              ┌─ probe (answers for NAT measurements)
 blocked ─┤              ├─ dns
    host ─┼── internet ──┤
    turn ─┤              ├─ volunteer-r ── volunteer
    stun ─┤              └─ border (the censor) ─┬─ reader-r ── reader
   front ─┘                                      └─ prober (the censor's own machine)

`turn` is the host's TURN server (coturn), `stun` a STUN server that is not the host's, and `front` a domain front of
the host; they run where the `Services` of a world name them.

Addresses are taken from 11.0.0.0/8 and 2d00::/8, which every program treats as public. No packet leaves the
namespaces. Names end in `.example` (RFC 2606).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from freespan.demo.certificates import DemoAuthority
from lab import censor, machine, namespaces, nat, programs, turn
from lab.censor import Censor
from lab.commands import freespan, python
from lab.errors import LabError
from lab.namespaces import Network, Node
from lab.programs import InteractiveProgram
from lab.trusting_browser import BROWSERS
from lab.wan import Hop

HOST, NEWS, BLOCKED = "host.example", "news.example", "blocked.example"
TURN, STUN, FRONT = "turn.example", "stun.example", "cdn.example"
ADDRESSES = {
    "host": ("11.0.1.10", "2d00:1::10"),
    "news": ("11.0.2.10", "2d00:2::10"),
    "blocked": ("11.0.3.10", "2d00:3::10"),
    "probe": ("11.0.4.10", "11.0.4.11", "2d00:4::10", "2d00:4::11"),
    "turn": ("11.0.5.10", "2d00:5::10"),
    "stun": ("11.0.6.10", "2d00:6::10"),
    "front": ("11.0.7.10", "2d00:7::10"),
    "dns": ("11.0.53.53", "2d00:53::53"),
}
NOWHERE = "11.9.9.9"
"""An address without a host: the one in forged DNS answers."""
STUN_PORTS = (3478, 3479)
START_SECONDS = 20.0
BROWSER_SECONDS = 70.0
_ENVIRONMENT = "environment.json"
_OTHER_VOLUNTEER = "other"
_NAMES = {
    HOST: ADDRESSES["host"],
    NEWS: ADDRESSES["news"],
    BLOCKED: ADDRESSES["blocked"],
    TURN: ADDRESSES["turn"],
    STUN: ADDRESSES["stun"],
    FRONT: ADDRESSES["front"],
}
TURN_URLS = {
    "udp": f"turn:{TURN}:{turn.PORT}?transport=udp",
    "tcp": f"turn:{TURN}:{turn.PORT}?transport=tcp",
    "tls": f"turns:{TURN}:{turn.TLS_PORT}?transport=tcp",
}
"""URLs of the TURN server, by the protocol in which it is reached."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the host offers besides broker and egress."""

    stun: bool = True
    """Its own STUN server."""
    other_stun: bool = False
    """Another STUN server that it names."""
    turn: tuple[str, ...] = ()
    """Protocols of its TURN server, out of `TURN_URLS`; empty for none."""
    front: bool = False
    """A domain front that its invite names."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One reader, one volunteer or two, one censor."""

    reader: str = "port-restricted"
    """Name of a kind in `nat.KINDS`."""
    volunteer: str = "open"
    program: str = "headless"
    """The volunteer's: `headless`, `chromium` or `firefox`; empty for no volunteer."""
    censor: Censor = field(default_factory=Censor)
    services: Services = field(default_factory=Services)
    reader_hop: Hop | None = None
    volunteer_hop: Hop | None = None
    other_volunteer: bool = False
    """Whether there is a second volunteer like the first one, in a network that has nothing to do with the first."""

    def homes(self) -> list[Node]:
        """Return the nodes `reader` and those of the volunteers, with their routers."""
        kind = nat.KINDS[self.volunteer]
        return [
            *nat.home(nat.KINDS[self.reader], "reader", 1, "border", self.reader_hop),
            *nat.home(kind, "volunteer", 2, "internet", self.volunteer_hop),
            *(nat.home(kind, _OTHER_VOLUNTEER, 258, "internet", self.volunteer_hop) if self.other_volunteer else ()),
        ]

    def volunteers(self) -> list[str]:
        """Return the nodes in which volunteers run."""
        return ["volunteer", _OTHER_VOLUNTEER][: 1 + self.other_volunteer] if self.program else []


@dataclass(slots=True)
class World:
    """A world that has been built."""

    network: Network
    authority: DemoAuthority
    url: str = ""
    """URL of the host."""
    invite: str = ""
    embed: str = ""

    @property
    def trust(self) -> dict[str, str]:
        """Environment in which programs trust the lab's certificate authority."""
        return {"SSL_CERT_FILE": str(self.authority.file)}

    def certificate(self, name: str) -> Path:
        """Return a file with key and certificate for a name."""
        file = self.network.folder / f"{name}.pem"
        if not file.exists():
            self.authority.server_context(name)
        return file

    @contextlib.asynccontextmanager
    async def running(
        self, node: str, name: str, arguments: Sequence[str], *, invite: str = ""
    ) -> AsyncIterator[InteractiveProgram]:
        """Run a program, which finds `invite` in its environment, inside a node for the length of the block."""
        env = {**self.trust, "FREESPAN_INVITE": invite}
        async with programs.running(self.network, node, name, arguments, env) as program:
            yield program


@contextlib.asynccontextmanager
async def running_world(
    homes: Sequence[Node], rules: Censor | None = None, services: Services | None = None
) -> AsyncIterator[World]:
    """Run a world for the length of the block: host, sites, DNS and censor. Nothing runs in the homes yet.

    Args:
        homes: nodes below `border` or `internet`; see `nat.home`.
        rules: what the censor at the border does.
        services: what the host offers.

    Raises:
        LabError: it could not be built.
        DemoError: a program did not start.
    """
    rules, services = rules or Censor(), services or Services()
    async with AsyncExitStack() as stack:
        network = stack.enter_context(namespaces.built([*_public_nodes(rules), *homes]))
        here = World(network, DemoAuthority(network.folder))
        for node in network.nodes:
            network.set_name_server(node, _name_server(network, node))
        await _start_censor(here, stack, rules)
        await _start(here, stack, "dns", "DNS", [*python("lab.dns_server"), json.dumps(_NAMES)])
        await _start_services(here, stack, services)
        await _start_host(here, stack, services)
        await _start(here, stack, "news", "news site", _site(here, NEWS, here.embed))
        await _start(here, stack, "blocked", "blocked site", _site(here, BLOCKED))
        _keep_environment(here)
        yield here


@contextlib.asynccontextmanager
async def running_volunteer(here: World, node: str, program: str) -> AsyncIterator[InteractiveProgram]:
    """Run a volunteer in a node for the length of the block; it waits for readers when the block begins.

    Args:
        here: the world.
        node: the node's name.
        program: `headless`, `chromium` or `firefox`.

    Raises:
        DemoError: it did not join.
    """
    if program == "headless":
        arguments, seconds = freespan("bridge", here.url, "--json", "--capacity", "64"), START_SECONDS
    elif program in BROWSERS:
        trusted = [str(here.certificate(name)) for name in (HOST, NEWS, TURN)]
        arguments, seconds = [*python("lab.browser_volunteer"), program, f"https://{NEWS}/", *trusted], BROWSER_SECONDS
    else:
        raise LabError(f"no kind of volunteer {program!r}; there are: headless, {', '.join(BROWSERS)}")
    async with here.running(node, f"{program} volunteer", arguments) as volunteer:
        await volunteer.event(lambda event: event.get("state") == "waiting", seconds, "volunteer that waits")
        yield volunteer


def _public_nodes(rules: Censor) -> list[Node]:
    return [
        Node("internet", gateways=("11.0.0.1", "2d00::1")),
        *(Node(name, "internet", addresses) for name, addresses in ADDRESSES.items()),
        Node("border", "internet", ("11.0.9.2", "2d00:9::2"), ("11.1.0.1", "2d00:b::1"), censor.ruleset(rules)),
        Node("prober", "border", ("11.1.66.66", "2d00:b:66::66")),
    ]


def kept_environment() -> dict[str, str]:
    """Return the environment for shells in the running lab; empty while it is being built."""
    try:
        kept: dict[str, str] = json.loads((namespaces.FOLDER / _ENVIRONMENT).read_text())
        return kept
    except (OSError, ValueError):
        return {}


def _keep_environment(here: World) -> None:
    """Keep it for shells, which may be opened from other terminals; curl has a variable of its own."""
    kept = {**here.trust, "CURL_CA_BUNDLE": str(here.authority.file), "FREESPAN_INVITE": here.invite}
    (here.network.folder / _ENVIRONMENT).write_text(json.dumps(kept))


def _name_server(network: Network, node: str) -> str:
    four, six = ADDRESSES["dns"]
    return four if any("." in address for address in network.nodes[node].addresses) else six


def _site(here: World, name: str, embed: str = "") -> list[str]:
    return [*python("lab.site"), name, str(here.certificate(name)), embed]


async def _start(
    here: World, stack: AsyncExitStack, node: str, name: str, arguments: Sequence[str]
) -> InteractiveProgram:
    program = await stack.enter_async_context(here.running(node, name, arguments))
    await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
    return program


async def _start_censor(here: World, stack: AsyncExitStack, rules: Censor) -> None:
    if not rules.names:
        return
    namespace = here.network.nodes["border"].namespace
    arguments = [*python("lab.inspector_process"), namespace, json.dumps(rules.names.as_json())]
    await _start(here, stack, "border", "censor", arguments)
    machine.run("ip", "-n", namespace, "link", "set", "dev", censor.WATCH, "up")
    for version in ("-4", "-6"):
        machine.run("ip", "-n", namespace, version, "-batch", "-", text="\n".join(censor.routes()) + "\n")


async def _start_services(here: World, stack: AsyncExitStack, services: Services) -> None:
    """Start the TURN server, the other STUN server and the front, where they are asked for."""
    if services.turn:
        settings = turn.write_settings(here.network.folder, ADDRESSES["turn"], TURN, here.certificate(TURN))
        await _start(here, stack, "turn", "coturn", [*python("lab.turn"), ADDRESSES["turn"][0], str(settings)])
    if services.other_stun:
        await _start(here, stack, "stun", "STUN server", [*python("lab.stun"), str(STUN_PORTS[0])])
    if services.front:
        await _start(here, stack, "front", "front", [*python("lab.front"), str(here.certificate(FRONT)), HOST])


async def _start_host(here: World, stack: AsyncExitStack, services: Services) -> None:
    pem = str(here.certificate(HOST))
    arguments = freespan(
        *("serve", "--json", "--print-invite", "--host", "", "--port", "443", "--public-url", f"https://{HOST}"),
        "--no-self-check",  # what passes in these networks is looked at, and this would be more of it
        *("--tls-cert", pem, "--tls-key", pem, "--data", str(here.network.folder / "host")),
        *_service_options(here, services),
    )
    program = await stack.enter_async_context(here.running("host", "freespan serve", arguments))
    ready = await program.event(lambda event: event.get("event") == "ready", START_SECONDS, "ready")
    here.url, here.invite, here.embed = ready["url"], ready["invite"], ready["embed"]


def _service_options(here: World, services: Services) -> list[str]:
    """Return the options of `freespan serve` for what it offers; its own STUN server runs by default."""
    options = [] if services.stun else ["--no-stun"]
    if services.other_stun:
        for port in STUN_PORTS:
            options += ["--stun-server", f"stun:{STUN}:{port}"]
    for protocol in services.turn:
        options += ["--turn", TURN_URLS[protocol]]
    if services.turn:
        options += ["--turn-secret-file", str(turn.secret_file(here.network.folder))]
    if services.front:
        options += ["--front", f"https://{FRONT}"]
    return options
