"""`python -m lab [SCENARIO …]`, and a few commands beside it; see docs/lab.md."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from freespan.demo.errors import DemoError
from lab import machine, net, scenarios, table
from lab.errors import LabError
from lab.nat import KINDS
from lab.scenarios import SCENARIOS, Result

_FOLDER = Path(__file__).parent
_HELP = """usage: python -m lab [SCENARIO ...]   run scenarios (all of them without a name), print the table
       python -m lab list             the scenarios
       python -m lab shell [NODE]     a shell inside a node (reader), in a lab that stands or in one made for it
       python -m lab nat-matrix       each pair of NAT kinds: does it connect, how fast, what does theory say
       python -m lab look             what the host looks like to a prober
       python -m lab capture          what a censor reads of a set-up, and how it differs from a browser's call
       python -m lab wan              how exact the wide area links are, and how fast
       python -m lab clean            take away what a crashed lab has left
"""


def main(words: Sequence[str]) -> int:
    """Do what the words ask for; exit code 2 for words that nobody knows, 1 when something did not work."""
    # SIGTERM takes the way that asyncio has for Ctrl-C: everything is taken away in order
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return _do(list(words))
    except KeyboardInterrupt:
        print("stopped; everything was taken away", file=sys.stderr)
        return 130
    except (LabError, DemoError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _do(words: list[str]) -> int:
    command = words[0] if words else ""
    if command in ("-h", "--help", "help"):
        print(_HELP, end="")
    elif command == "list":
        print("\n".join(f"{each.name:14} {each.about}" for each in SCENARIOS.values()))
    elif command == "clean":
        return _clean()
    elif command in _COMMANDS:
        return asyncio.run(_COMMANDS[command](words[1:]))
    else:
        unknown = [word for word in words if word not in SCENARIOS]
        if unknown:
            print(f"lab: no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}", file=sys.stderr)
            return 2
        return asyncio.run(_run(words or list(SCENARIOS)))
    return 0


async def _run(names: Sequence[str]) -> int:
    """Run scenarios; the files are written only where all of them were asked for."""
    if reason := machine.why_not():
        raise LabError(reason)
    results: list[Result] = []
    troubles = 0
    if (found := net.leftovers()) and not net.is_running():
        print(f"lab: removing {len(found)} namespaces that a crashed lab has left", file=sys.stderr)
    print(table.header())
    for name in names:
        try:
            results.append(await scenarios.run(SCENARIOS[name]))
        except DemoError as error:  # this one did not work; the others may
            print(f"lab: {name}: {error}", file=sys.stderr)
            troubles += 1
        else:
            print(table.row(results[-1]), flush=True)
            if results[-1].more:
                print(table.more(results[-1]), flush=True)
    if set(names) == set(SCENARIOS):
        (_FOLDER / "results.json").write_text(table.as_json(results))
        (_FOLDER / "results.svg").write_text(table.as_svg(results))
    return 1 if troubles else 0


def _clean() -> int:
    names = net.leftovers()
    if net.is_running():
        raise LabError("a lab is running on this machine; stop it instead")
    net.remove_leftovers()
    print(f"removed: {', '.join(names)}" if names else "nothing was left")
    return 0


async def _shell(words: Sequence[str]) -> int:
    from lab.shell import shell

    return await shell(words[0] if words else "reader")


async def _matrix(words: Sequence[str]) -> int:
    from lab.matrix import measure_matrix

    if unknown := [word for word in words if word not in KINDS]:
        print(f"lab: no NAT kind {unknown[0]!r}; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    return await measure_matrix(words)


async def _look(_: Sequence[str]) -> int:
    from lab.looking import look

    return await look()


async def _capture(_: Sequence[str]) -> int:
    from lab.setups import capture_all

    return await capture_all()


async def _wan(_: Sequence[str]) -> int:
    from lab.wan_measure import show

    return show()


_COMMANDS: dict[str, Callable[[Sequence[str]], Coroutine[object, object, int]]] = {
    "shell": _shell,
    "nat-matrix": _matrix,
    "look": _look,
    "capture": _capture,
    "wan": _wan,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
