"""A browser's process, in a process group of its own, with a profile folder that is gone when it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from freespan.browsers.errors import BrowserError

START_SECONDS = 30.0
"""Limit for a browser to offer its control port."""
CLOSE_SECONDS = 5.0
"""Limit for a browser to end after it was asked to; then it is killed."""
_POLL_SECONDS = 0.02
_POSIX = sys.platform != "win32"


class BrowserProcess:
    """A browser in a process group and a profile of its own; both are gone after `end`, unless the profile is kept."""

    def __init__(self, process: asyncio.subprocess.Process, profile: Path, *, keeps: bool) -> None:
        self._process = process
        self._keeps = keeps
        self.profile = profile

    @classmethod
    async def start(cls, command: Callable[[Path], list[str]], kept: Path | None = None) -> BrowserProcess:
        """Start `command(profile)`; its standard output and error go to a file in the profile.

        Args:
            command: program and arguments, for a folder.
            kept: the folder to use, which stays; a temporary one if left out.
        """
        profile = kept or Path(tempfile.mkdtemp(prefix="freespan-browser-"))
        try:
            arguments = command(profile)
            with (profile / "log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=profile,
                    start_new_session=_POSIX,
                )
        except BaseException as error:
            if not kept:
                _remove(profile)
            if isinstance(error, OSError):
                raise BrowserError(f"cannot start the browser: {error}") from error
            raise
        return cls(process, profile, keeps=kept is not None)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def read_file(self, name: str, parse: Callable[[str], str | None]) -> str:
        """Wait for a file of the profile until `parse` returns something for its text, and return that.

        Raises:
            BrowserError: the browser ended, or START_SECONDS are over.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if found := parse((self.profile / name).read_text(errors="replace")):
                    return found
            if self._process.returncode is not None:
                raise BrowserError(f"the browser ended at once: {self._last_output()}")
            await asyncio.sleep(_POLL_SECONDS)
        raise BrowserError(f"no control port in {START_SECONDS:.0f} s: {self._last_output()}")

    def kill(self) -> None:
        """End the browser and all its helpers as if the power had failed."""
        # The group outlives its leader while a helper runs; when all are gone the kernel says so.
        with contextlib.suppress(ProcessLookupError):
            if _POSIX:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def end(self) -> None:
        """Wait up to CLOSE_SECONDS for the browser to end by itself, then kill it and remove its profile."""
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), CLOSE_SECONDS)
        finally:
            self.kill()
            await self._process.wait()
            if not self._keeps:
                _remove(self.profile)

    def _last_output(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.profile / "log").read_text(errors="replace").strip().splitlines()
            return " / ".join(lines[-3:]) or "it wrote nothing"
        return "it wrote nothing"


def _remove(folder: Path) -> None:
    # A helper that is just dying may still write; a few rounds are enough.
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)
