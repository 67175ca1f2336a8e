"""The demo in the terminal: a picture of the path, a line for each step, a summary, and suggestions to try.

Where standard output is no terminal, it prints plain lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from freespan.demo.steps import Report, Step
from freespan.demo.suggestions import Suggestion
from freespan.terminal.output import abilities, console_on
from freespan.terminal.text import one_line

WIDTH_MAX = 100
_WIDTH_MIN = 66
"""What is narrower gets neither the picture nor columns."""
_SPINNER = "dots"
_NAME_WIDTH = 20
_SECONDS_WIDTH = 8


class Display:
    """Prints everything that a person sees of the demo.

    Args:
        quiet: whether to print nothing at all, as for `--json`.
        file: where to print instead of standard output.
        width: in columns; that of the terminal if left out.
    """

    def __init__(self, *, quiet: bool = False, file: TextIO | None = None, width: int | None = None) -> None:
        stream = sys.stdout if file is None else file
        self.console = console_on(stream, width=width, quiet=quiet)
        if width is None and self.console.width > WIDTH_MAX:
            self.console.width = WIDTH_MAX
        self._animated = abilities(stream).moves and not quiet
        self._live: Live | None = None
        self._line: _RunningStep | None = None

    @property
    def _is_narrow(self) -> bool:
        return self.console.width < _WIDTH_MIN

    # --- beginning -------------------------------------------------------------------------------

    def title(self) -> None:
        """Print the title and the picture of the path."""
        self.console.print()
        self.console.print(
            Text.from_markup("  [bold cyan]freespan[/]  a blocked page, read through a visitor's browser")
        )
        self.console.print()
        if not self._is_narrow:
            self.console.print(Text.from_markup(_PICTURE))
            self.console.print()

    # --- steps ---------------------------------------------------------------------------------

    def step_started(self, step: Step) -> None:
        """Show a step while it runs."""
        if not self._animated:
            return
        self._line = _RunningStep(step)
        self._live = Live(self._line, console=self.console, transient=True, refresh_per_second=12)
        self._live.start()

    def step_ended(self, step: Step) -> None:
        """Replace the running step by its result."""
        self._end_live()
        sign = Text("✓", "bold green") if step.ok else Text("✗", "bold red")
        if self._is_narrow:
            self.console.print(
                Text.assemble(sign, f" {step.name.capitalize()}: {one_line(step.detail)} ({step.seconds:.2f} s)")
            )
            return
        self.console.print(_step_row(sign, step, step.seconds, "dim" if step.ok else "red"))

    # --- end -----------------------------------------------------------------------------------

    def summary(self, report: Report) -> None:
        """Print a table of the results."""
        self.console.print()
        if self._is_narrow:
            for name, value in _summary_rows(report):
                self.console.print(Text.assemble((f"{name}: ", "bold"), value))
            return
        table = Table(box=box.ROUNDED, border_style="dim", show_header=False, padding=(0, 2), expand=True)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(ratio=1)
        for name, value in _summary_rows(report):
            table.add_row(name, value)
        self.console.print(Padding(table, (0, 2)))

    def failure(self, cause: str) -> None:
        """Print what went wrong, in one line."""
        self._end_live()
        self.console.print()
        self.console.print(Padding(Text.assemble(("The demo failed. ", "bold red"), one_line(cause)), (0, 2)))

    def suggestions(self, suggestions: Sequence[Suggestion]) -> None:
        """Print addresses and commands, each on one line of any length, so that it can be copied."""
        self.console.print()
        self.console.print(Text("  The demo stays up. Try it yourself:", "bold"))
        self.console.print()
        for one in suggestions:
            self.console.print(Text.assemble("  ", ("• ", "cyan"), one.what))
            self.console.print(Text.assemble("    ", (one.copy, "cyan")), soft_wrap=True)
        self.console.print()
        if not self._animated:
            self.console.print("  Ctrl-C ends everything.")

    def counters(self, text: str) -> None:
        """Update the line at the bottom of a terminal."""
        if not self._animated:
            return
        line = Text.assemble(
            "  ", (text, "dim"), ("   Ctrl-C ends everything", "bold"), no_wrap=True, overflow="ellipsis"
        )
        if self._live is None:
            self._live = Live(line, console=self.console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(line, refresh=True)

    def line(self, text: str) -> None:
        """Print one more line."""
        self.console.print(Padding(Text(one_line(text)), (0, 2)))

    def goodbye(self) -> None:
        """Print the last line."""
        self._end_live()
        self.console.print()
        text = "All programs have ended, and nothing is left behind. Thank you for looking."
        self.console.print(Text.from_markup(f"  [bold green]✓[/] {text}"))

    def stopping(self) -> None:
        """Show that the demo is ending."""
        self._end_live()
        if self._animated:
            self.console.print(Text("  Ending everything…", "dim"))

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class _RunningStep:
    """The line of a running step, with a spinner and a clock; its detail may change meanwhile."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._spinner = Spinner(_SPINNER, style="cyan")
        self._started_at = time.monotonic()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _step_row(self._spinner, self._step, time.monotonic() - self._started_at, "cyan")


def _step_row(sign: RenderableType, step: Step, seconds: float, style: str) -> Table:
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=3, justify="right")
    row.add_column(width=_NAME_WIDTH, style="bold", no_wrap=True)
    row.add_column(ratio=1)
    row.add_column(width=_SECONDS_WIDTH, justify="right", style="dim", no_wrap=True)
    row.add_row(sign, step.name.capitalize(), Text(one_line(step.detail), style), f"{seconds:.2f} s")
    return row


def _summary_rows(report: Report) -> list[tuple[str, str | Text]]:
    rows: list[tuple[str, str | Text]] = []
    if report.direct is not None:
        rows.append(("Direct access", _mark(report.direct == "blocked", report.direct)))
    if report.bridge is not None:
        real = report.bridge != "headless"
        rows.append(("Bridge", f"{report.bridge} ({'a real browser' if real else 'no browser'})"))
    if report.bytes:
        received = f"{report.bytes:,} bytes, SHA-256 {'equal' if report.sha256_ok else 'differs'}"
        rows.append(("Through the bridge", _mark(report.sha256_ok, received)))
    if report.first_byte_s is not None:
        rows.append(("First byte", f"{report.first_byte_s * 1000:.0f} ms after the request, https handshake included"))
    if report.mb_per_s is not None:
        rows.append(("Speed", Text(f"{report.mb_per_s:.1f} MB/s", "bold")))
    return rows


def _mark(good: bool, text: str) -> Text:
    return Text.assemble(("✓ ", "green") if good else ("✗ ", "bold red"), text)


_PICTURE = """\
   [bold]reader[/] ──▶ [red]censor ──✗[/]                           [bold]blocked.test[/]
      │                                                 ▲
      ╰─────▶ [bold green]bridge[/] ────────────▶ [bold]egress[/] ──────────────╯
              [dim]a visitor's tab     the host[/]
              [dim]passes on encrypted bytes: HTTP/3, TLS 1.3, pinned key[/]"""
