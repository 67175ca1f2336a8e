"""Runs the real programs at a terminal of their own, as a person does (POSIX)."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time

from freespan.demo.programs import environment, freespan_command
from tests.support.programs import ENVIRONMENT, SECONDS

_WIDTH = {"COLUMNS": "500", "TERM": "xterm"}
"""Nothing is broken into lines."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """One `freespan …` at a terminal."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self._screen, end = pty.openpty()
        self._shown = b""
        self.process = subprocess.Popen(
            freespan_command(arguments),
            stdin=end,
            stdout=end,
            stderr=end,
            env={**environment(), **ENVIRONMENT, **_WIDTH},
            start_new_session=True,
        )
        os.close(end)

    @property
    def said(self) -> str:
        """All that it has shown so far, without colours and movements."""
        return _CONTROL.sub("", self._shown.decode("utf-8", "replace"))

    def until(self, part: str) -> None:
        """Read until it has shown this."""
        deadline = time.monotonic() + SECONDS
        while part not in self.said:
            assert select.select([self._screen], [], [], deadline - time.monotonic())[0], self.said
            self._shown += os.read(self._screen, 65_536)

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)
