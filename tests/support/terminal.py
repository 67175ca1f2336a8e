"""Runs the real programs at a terminal of their own, as a person does (POSIX)."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time

from freespan.demo.programs import environment, freespan_command
from tests.support.programs import ENVIRONMENT, SECONDS
from tests.support.screen import Screen

_WIDTH = {"COLUMNS": "500", "TERM": "xterm"}
"""Nothing is broken into lines."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """One `freespan …` at a terminal, with more variables in its environment; an empty one is taken out."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        import pty

        self._screen, end = pty.openpty()
        self._shown = b""
        self._encoding = variables.get("PYTHONIOENCODING", "utf-8")
        known = {**environment(), **ENVIRONMENT, **_WIDTH, **variables}
        self.process = subprocess.Popen(
            freespan_command(arguments),
            stdin=end,
            stdout=end,
            stderr=end,
            env={name: value for name, value in known.items() if value or name == "FREESPAN_INVITE"},
            start_new_session=True,
        )
        os.close(end)

    @property
    def said(self) -> str:
        """All that it has shown so far, without colours and movements."""
        return _CONTROL.sub("", self._shown.decode(self._encoding, "replace"))

    def lines(self) -> list[str]:
        """The lines that stand on the terminal now."""
        return Screen(int(_WIDTH["COLUMNS"])).feed(self._shown.decode(self._encoding, "replace")).lines()

    def until(self, part: str) -> None:
        """Read until it has shown this."""
        deadline = time.monotonic() + SECONDS
        while part not in self.said:
            assert select.select([self._screen], [], [], deadline - time.monotonic())[0], self.said
            self._shown += os.read(self._screen, 65_536)

    def rest(self) -> str:
        """Read until its end, and return all that it has shown."""
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while select.select([self._screen], [], [], SECONDS)[0] and (data := os.read(self._screen, 65_536)):
                self._shown += data
        return self.said

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)
