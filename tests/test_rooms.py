"""Who may import whom: the rooms of src/freespan, and the layers of lab, bench and scripts.

ROOMS and LAYERS are the tables. A new dependency between rooms, or a library in a new room, is a decision: it is made
here (and in docs/architecture.md), not by an import that nobody noticed. Imports inside functions and under
TYPE_CHECKING count as well.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.imports import ROOT, Import, circle_in, graph, imports_of, module_name, modules

PACKAGE = ROOT / "src" / "freespan"


@dataclass(frozen=True)
class Room:
    """What the files of one room may import besides the room itself and the standard library."""

    rooms: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()
    not_from_standard_library: frozenset[str] = frozenset()


def room(rooms: str = "", libraries: str = "", without: str = "") -> Room:
    return Room(frozenset(rooms.split()), frozenset(libraries.split()), frozenset(without.split()))


NO_WORLD = "asyncio socket time random"
"""A pure module decides: time and chance are handed in, what to do is handed out."""

BELOW = "wire observe link tunnel"
ROLES = "broker egress client bridge web"

ROOMS = {
    "wire": room(
        libraries="idna msgspec",
        without=f"{NO_WORLD} secrets uuid ssl select selectors signal threading multiprocessing subprocess",
    ),
    "terminal": room("wire", "rich"),
    "observe": room("terminal", "prometheus_client"),
    "link": room("wire observe", "aiohttp cryptography webrtc wrtc"),
    "tunnel": room("wire observe link", "aioquic cryptography pylsqpack"),
    "sealing": room("wire", "cryptography"),
    "sources": room("wire observe", "aiohttp"),
    "access": room("wire observe"),
    "broker": room("wire observe sealing sources", "aiohttp aioice maxminddb"),
    "egress": room(f"{BELOW} sealing sources", "aiohttp aiohappyeyeballs"),
    "client": room(f"{BELOW} sealing", "aiohttp h11 msgspec"),
    "bridge": room("wire observe link", "aiohttp"),
    "web": room("wire observe", "aiohttp rjsmin"),
    "browsers": room("wire", "aiohttp"),
    "api": room(f"{BELOW} sealing sources access {ROLES}", "aiohttp"),
    "doctor": room(f"{BELOW} client bridge api", "aiohttp cryptography msgspec"),
    "demo": room(f"{BELOW} {ROLES} terminal api browsers", "aiohttp cryptography rich"),
    "cli": room(f"{BELOW} terminal access {ROLES} api doctor demo", "aiohttp h11 rich segno typer"),
}

PURE_MODULES = {
    "access/guests.py",
    "access/limits.py",
    "access/records.py",
    "access/tokens.py",
    "api/arguments.py",
    "broker/bridge_networks.py",
    "broker/census.py",
    "broker/free_bridges.py",
    "broker/held_places.py",
    "broker/matching.py",
    "broker/message_budget.py",
    "broker/nat.py",
    "broker/offer_targets.py",
    "broker/proof.py",
    "broker/settings.py",
    "broker/shown_bridges.py",
    "bridge/lane_budget.py",
    "bridge/settings.py",
    "broker/turn.py",
    "broker/stun.py",
    "browsers/proxy_settings.py",
    "cli/fetch_url.py",
    "cli/file_names.py",
    "cli/request_fields.py",
    "cli/resuming.py",
    "client/cooldown.py",
    "client/endpoints.py",
    "client/evidence.py",
    "client/lanes/controller.py",
    "client/lanes/queueing.py",
    "client/link_controller.py",
    "client/link_demand.py",
    "client/link_meter.py",
    "client/local_proxy/credentials.py",
    "client/local_proxy/exchange.py",
    "client/local_proxy/http_request.py",
    "client/local_proxy/refusal.py",
    "client/local_proxy/repair.py",
    "client/local_proxy/request.py",
    "client/local_proxy/response_body.py",
    "client/local_proxy/socks_target.py",
    "client/settings.py",
    "client/sleep_watch.py",
    "client/status.py",
    "client/transports.py",
    "demo/addresses.py",
    "demo/payload.py",
    "demo/requested_name.py",
    "demo/suggestions.py",
    "doctor/certificates.py",
    "doctor/findings.py",
    "doctor/pages.py",
    "doctor/settings.py",
    "doctor/stun_question.py",
    "egress/allowances.py",
    "egress/block_list.py",
    "egress/policy.py",
    "egress/settings.py",
    "link/bond/acks.py",
    "link/bond/admission.py",
    "link/bond/closed_links.py",
    "link/bond/congestion.py",
    "link/bond/core.py",
    "link/bond/events.py",
    "link/bond/health.py",
    "link/bond/link_state.py",
    "link/bond/link_table.py",
    "link/bond/loss_detector.py",
    "link/bond/loss_signals.py",
    "link/bond/record_protection.py",
    "link/bond/reordering.py",
    "link/bond/stats.py",
    "link/bond/scheduler.py",
    "link/bond/send_buffer.py",
    "link/bond/sender.py",
    "link/bond/session_key.py",
    "link/bond/settings.py",
    "link/settings.py",
    "observe/coarse.py",
    "observe/ledger.py",
    "sources/greediest.py",
    "sources/rate.py",
    "sources/shares.py",
    "sources/source.py",
    "terminal/abilities.py",
    "terminal/squares.py",
    "terminal/text.py",
    "tunnel/effort.py",
    "tunnel/flow_control.py",
    "tunnel/settings.py",
    "web/scripts.py",
    "web/policies.py",
}

OUTSIDE_ANY_ROOM = {"__init__.py": frozenset({"api", "wire"}), "__main__.py": frozenset({"cli"})}
"""The two files of the package itself, and the rooms that each may import."""


LAYERS = {
    "lab": (
        "censor commands dns errors packets setns wan dissect dissect.iana",
        "dissect.stun dissect.tls dissect.transport inspector machine tun",
        "dissect.leaks capture wan_process inspector_process",
        "fingerprint namespaces",
        # programs that run inside a node
        "active_probe dns_server downloader front nat_probe site stun trusting_browser turn with_limits",
        "browser_volunteer scripted_page",
        "nat programs wan_accuracy",
        "world",
        "browser_call measure probe_report",
        "nat_matrix setups studies vpn",
        "scenario",
        "plot scenarios table",
        "shell",
        "__main__",
    ),
    "bench": (
        "download figures flood helper_io news_page page_load plan process_costs programs switch_page throughput_plot",
        "flood.frames flood.raw_socket flood.sink flood.watched_host",
        "flood.raw_session flood.workers",
        "flood.broker_attacks flood.egress_attacks",
        "flood.attacks",
        "flood.attacker flood.changing_bridges flood.session_soak",
        # helper processes
        "broker_host broker_load empty_host",
        "broker_tls_load",
        "connect_client distance limited_bridge origin raw_pipe",
        "raw_client raw_host",
        "bridges client_start costs_plot invites killable_bridges page_size targets",
        "bond broker browser_costs bulk checked_download connect machine page report web_vitals",
        "flood.reader",
        "flood.measure flood.soak",
        "headless kills switch",
        "__main__",
    ),
    "fuzz": (
        "corpus fuzz_target growth reach script connections",
        "targets.messages targets.replies targets.sealed targets.text targets.sdp targets.sources targets.stun",
        "targets.local_proxy targets.bond targets.quic targets.http3",
        "atheris_engine catalog",
        "coverage_table",
        "__main__",
    ),
    "scripts": (
        "licences lock",
        "advisories enumeration locked_versions make_extension make_globe_data make_switch_package options_table sbom",
        "audit wordpress_zip",
        "extension_icons extension_picture globe_pictures screenshots switch_pictures wordpress_picture",
    ),
}
"""The modules beside src, in layers from the lowest to the highest: each imports from lower layers only."""

BESIDE = {
    "lab": room("freespan", "aiohttp cryptography"),
    "bench": room("freespan", "aiohttp aioquic rich"),
    "fuzz": room("freespan", "aiohttp aioice aioquic atheris coverage cryptography msgspec multidict"),
    "scripts": room("freespan tests", "aiohttp cyclonedx license_expression packageurl rich"),
}
"""What the modules of LAYERS may import besides one another: packages of this repository, and libraries."""

PURE_BESIDE = {
    "bench/costs_plot.py",
    "bench/figures.py",
    "bench/flood/frames.py",
    "bench/throughput_plot.py",
    "lab/censor.py",
    "lab/dissect/__init__.py",
    "lab/dissect/iana.py",
    "lab/dissect/leaks.py",
    "lab/dissect/stun.py",
    "lab/dissect/tls.py",
    "lab/dissect/transport.py",
    "lab/dns.py",
    "lab/errors.py",
    "lab/fingerprint.py",
    "lab/inspector.py",
    "lab/packets.py",
    "lab/wan.py",
}
"""The pure modules of lab and bench."""


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_in_package(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0]


def room_imported(found: Import) -> str | None:
    """The room of this package that is imported; None for a library or for the package's own names."""
    parts = found.module.split(".")
    return parts[1] if parts[0] == "freespan" and len(parts) > 1 and parts[1] in ROOMS else None


def complaint(found: Import) -> str | None:
    """Why this import may not be where it is, or None."""
    where = name_in_package(found.file)
    if where in OUTSIDE_ANY_ROOM:
        fine = found.top in sys.stdlib_module_names or room_imported(found) in OUTSIDE_ANY_ROOM[where]
        return None if fine else f"{found}: not allowed outside the rooms"
    here = room_of(found.file)
    rules = ROOMS[here]
    if found.top == "freespan":
        if room_imported(found) is None or room_imported(found) == here or room_imported(found) in rules.rooms:
            return None
        return f"{found}: {here} may import only {sorted(rules.rooms)}"
    if found.top in sys.stdlib_module_names:
        if found.top in rules.not_from_standard_library:
            return f"{found}: {here} is pure"
        return None
    if found.top in rules.libraries:
        return None
    return f"{found}: {here} may use only the libraries {sorted(rules.libraries)}"


def complaint_if_pure(found: Import) -> str | None:
    """A pure module imports nothing of the world, neither itself nor through an impure neighbour."""
    if found.top in NO_WORLD.split():
        return f"{found}: this module is pure"
    if found.top in LAYERS:
        file = modules().get(found.module)
        is_pure = file is not None and file.relative_to(ROOT).as_posix() in PURE_BESIDE
    elif found.top != "freespan" or room_imported(found) in {None, "wire"}:
        is_pure = True
    else:
        is_pure = found.module.removeprefix("freespan.").replace(".", "/") + ".py" in PURE_MODULES
    return None if is_pure else f"{found}: not a pure module"


@pytest.mark.parametrize("file", python_files(), ids=name_in_package)
def test_every_import_is_in_the_table(file: Path) -> None:
    assert not [text for found in imports_of(file) if (text := complaint(found))]


def test_every_file_has_a_room() -> None:
    outside = {name_in_package(file) for file in python_files() if room_of(file) not in ROOMS}
    assert outside <= set(OUTSIDE_ANY_ROOM)


@pytest.mark.parametrize("name", sorted(PURE_MODULES))
def test_pure_modules_touch_neither_clock_nor_chance_nor_network(name: str) -> None:
    file = PACKAGE / name
    assert file.exists(), f"{name} has moved: correct PURE_MODULES"
    assert not [text for found in imports_of(file) if (text := complaint_if_pure(found))]


def says_pure(file: Path) -> bool:
    """Whether the module's docstring calls it pure."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return re.search(r"\bPure\b", docstring) is not None


def test_every_module_that_says_pure_is_in_the_list_and_the_other_way_round() -> None:
    """`wire` is pure as a whole: ROOMS sees to that."""
    saying = {name_in_package(file) for file in python_files() if room_of(file) != "wire" and says_pure(file)}
    assert saying == PURE_MODULES


def test_the_pure_modules_of_lab_and_bench_are_those_that_say_so() -> None:
    beside = [file for name, file in modules().items() if name.partition(".")[0] in LAYERS]
    assert {file.relative_to(ROOT).as_posix() for file in beside if says_pure(file)} == PURE_BESIDE


@pytest.mark.parametrize("name", sorted(PURE_BESIDE))
def test_pure_modules_of_lab_and_bench_touch_neither_clock_nor_chance_nor_network(name: str) -> None:
    assert not [text for found in imports_of(ROOT / name) if (text := complaint_if_pure(found))]


# --- lab, bench and scripts ----------------------------------------------------------------------


def layers_of(top: str) -> dict[str, int]:
    """The number of its layer for each module of lab, bench or scripts."""
    return {f"{top}.{name}": number for number, names in enumerate(LAYERS[top]) for name in names.split()}


def complaint_beside(found: Import) -> str | None:
    """Why this import of lab, bench or scripts may not be where it is, or None."""
    here = module_name(found.file)
    top = here.partition(".")[0]
    if found.top == top:
        layers = layers_of(top)
        return None if layers[found.module] < layers[here] else f"{found}: not in a lower layer"
    if found.top in sys.stdlib_module_names or found.top in BESIDE[top].rooms | BESIDE[top].libraries:
        return None
    return f"{found}: {top} may import only {sorted(BESIDE[top].rooms | BESIDE[top].libraries)}"


@pytest.mark.parametrize("top", LAYERS)
def test_every_module_beside_src_has_a_layer(top: str) -> None:
    found = {name for name in modules() if name.partition(".")[0] == top and name != top}
    assert found == set(layers_of(top))
    assert len(found) == sum(len(names.split()) for names in LAYERS[top])


@pytest.mark.parametrize("top", LAYERS)
def test_layers_import_from_lower_ones_only(top: str) -> None:
    files = [modules()[name] for name in layers_of(top)]
    assert not [text for file in files for found in imports_of(file) if (text := complaint_beside(found))]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("lab/wan.py", "from lab import programs"),
        ("lab/world.py", "def f():\n    from lab.scenario import run"),
        ("lab/world.py", "from lab import measure"),
        ("bench/plan.py", "from tests.support import site"),
        ("bench/plan.py", "import msgspec"),
        ("scripts/screenshots.py", "import bench.plan"),
    ],
)
def test_the_layers_are_enforced(place: str, line: str) -> None:
    assert [text for found in imports_of(ROOT / place, line) if (text := complaint_beside(found))]


def test_there_is_no_circle_of_imports_anywhere() -> None:
    assert not circle_in(graph()), " → ".join(circle_in(graph()))


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b", "c"}, "b": set(), "c": {"d"}, "d": {"c"}}) == ["c", "d", "c"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# --- the rooms -----------------------------------------------------------------------------------


def test_roles_know_nothing_of_one_another() -> None:
    roles = set(ROLES.split())
    assert not {name: ROOMS[name].rooms & roles for name in roles if ROOMS[name].rooms & roles}


def test_arrows_go_one_way() -> None:
    def reach(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' → '.join([*path, name])}"
        for below in ROOMS[name].rooms:
            reach(below, (*path, name))

    for name in ROOMS:
        reach(name, ())


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("wire/invite.py", "import asyncio"),
        ("wire/invite.py", "def f():\n    from time import monotonic"),
        ("wire/invite.py", "from freespan.observe import log"),
        ("wire/invite.py", "import aiohttp"),
        ("link/base.py", "from ..tunnel import session"),
        ("link/base.py", "from freespan import client"),
        ("egress/dial.py", "import aioquic.h3"),
        ("client/link_manager.py", "import webrtc"),
        ("client/link_manager.py", "from freespan.broker.matching import pick"),
        ("bridge/pipe.py", "from freespan.tunnel import session"),
        ("broker/server.py", "import rich"),
        ("__init__.py", "from freespan.cli.main import main"),
    ],
)
def test_the_table_is_enforced(place: str, line: str) -> None:
    assert [text for found in imports_of(PACKAGE / place, line) if (text := complaint(found))]


@pytest.mark.parametrize("line", ["import random", "from freespan.egress import dial", "from .dial import connect"])
def test_purity_is_enforced(line: str) -> None:
    found = imports_of(PACKAGE / "egress/policy.py", line)
    assert [text for one in found if (text := complaint_if_pure(one))]


def unnamed_tasks(source: str) -> list[int]:
    """Lines that start a task without a name; such a task cannot be found in a log or a debugger."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in {"create_task", "ensure_future"})
            or (isinstance(node.func, ast.Name) and node.func.id in {"create_task", "ensure_future"})
        )
        and "name" not in {keyword.arg for keyword in node.keywords}
    ]


@pytest.mark.parametrize("file", python_files(), ids=name_in_package)
def test_every_task_has_a_name(file: Path) -> None:
    assert not unnamed_tasks(file.read_text(encoding="utf-8"))


def test_a_task_without_a_name_is_noticed() -> None:
    assert unnamed_tasks("group.create_task(run())\nasyncio.create_task(run(), name='run')\n") == [1]


def rooms_in_architecture() -> set[str]:
    """The names in backticks in the first column of the table under the heading that says rooms."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    sections = re.split(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    bodies = [body for heading, body in zip(sections[1::2], sections[2::2], strict=True) if "room" in heading.lower()]
    names: set[str] = set()
    for row in re.findall(r"^\|([^|]*)\|", "\n".join(bodies), flags=re.MULTILINE):
        names.update(name.rstrip("/") for name in re.findall(r"`([^`]+)`", row))
    return names


def test_the_architecture_page_lists_these_rooms() -> None:
    assert rooms_in_architecture() == set(ROOMS)
