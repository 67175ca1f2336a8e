"""The command line of the lab: `python -m lab [SCENARIO …]` and a few other commands; see docs/lab.md."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from freespan.demo.errors import DemoError
from lab import machine, namespaces, plot, scenario, table
from lab.errors import LabError
from lab.nat import KINDS
from lab.scenario import Result
from lab.scenarios import SCENARIOS

_FOLDER = Path(__file__).parent
_HELP = """usage: python -m lab [SCENARIO ...]        run scenarios (all if none is named) and print a table
       python -m lab list                  list the scenarios
       python -m lab shell [NODE]          open a shell in a node (default: reader) of the running lab or a new one
       python -m lab nat-matrix [KIND ...] measure which pairs of NAT kinds connect, and compare with theory
       python -m lab probe                 show what the host looks like to active probing
       python -m lab capture               show what a censor can read, and compare it with a call between browsers
       python -m lab wan                   measure how exact the wide area links are
       python -m lab clean                 remove what a crashed lab has left behind
"""


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns exit code 2 for unknown arguments, and 1 when something failed."""
    # SIGTERM is handled like Ctrl-C, so that everything is removed in order.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return _dispatch(list(arguments))
    except KeyboardInterrupt:
        print("stopped; everything was removed", file=sys.stderr)
        return 130
    except (LabError, DemoError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command in ("-h", "--help", "help"):
        print(_HELP, end="")
    elif command == "list":
        print("\n".join(f"{each.name:14} {each.about}" for each in SCENARIOS.values()))
    elif command == "clean":
        return _clean()
    elif command in _COMMANDS:
        return asyncio.run(_COMMANDS[command](arguments[1:]))
    else:
        unknown = [name for name in arguments if name not in SCENARIOS]
        if unknown:
            print(f"lab: no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}", file=sys.stderr)
            return 2
        return asyncio.run(_run(arguments or list(SCENARIOS)))
    return 0


async def _run(names: Sequence[str]) -> int:
    """Run scenarios; the result files are written only if all scenarios were run."""
    if reason := machine.missing_requirement():
        raise LabError(reason)
    results: list[Result] = []
    failures = 0
    if (found := namespaces.leftovers()) and not namespaces.is_running():
        print(f"lab: removing {len(found)} namespaces that a crashed lab has left", file=sys.stderr)
    print(table.header())
    for name in names:
        try:
            results.append(await scenario.run(SCENARIOS[name]))
        except DemoError as error:  # the other scenarios may still work
            print(f"lab: {name}: {error}", file=sys.stderr)
            failures += 1
        else:
            print(table.row(results[-1]), flush=True)
            if results[-1].figures:
                print(table.figures(results[-1]), flush=True)
    if set(names) == set(SCENARIOS):
        (_FOLDER / "results.json").write_text(table.as_json(results))
        (_FOLDER / "results.svg").write_text(plot.as_svg(results))
    return 1 if failures else 0


def _clean() -> int:
    names = namespaces.leftovers()
    if namespaces.is_running():
        raise LabError("a lab is running on this machine; stop it instead")
    namespaces.remove_leftovers()
    print(f"removed: {', '.join(names)}" if names else "nothing was left behind")
    return 0


async def _shell(arguments: Sequence[str]) -> int:
    from lab.shell import shell

    return await shell(arguments[0] if arguments else "reader")


async def _matrix(arguments: Sequence[str]) -> int:
    from lab.nat_matrix import measure_matrix

    if unknown := [name for name in arguments if name not in KINDS]:
        print(f"lab: no NAT kind {unknown[0]!r}; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    return await measure_matrix(arguments)


async def _probe(_: Sequence[str]) -> int:
    from lab.probe_report import report_probes

    return await report_probes()


async def _capture(_: Sequence[str]) -> int:
    from lab.setups import capture_all

    return await capture_all()


async def _wan(_: Sequence[str]) -> int:
    from lab.wan_accuracy import show

    return show()


_COMMANDS: dict[str, Callable[[Sequence[str]], Coroutine[object, object, int]]] = {
    "shell": _shell,
    "nat-matrix": _matrix,
    "probe": _probe,
    "capture": _capture,
    "wan": _wan,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
