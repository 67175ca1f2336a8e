"""Logging that cannot identify a reader: everything is redacted, lines of the program's own code a little less."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType

from freespan.terminal import text as shown

_log = logging.getLogger(__name__)

_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_FRAME = re.compile(r"[\s|+]*File \"")


def redact(text: str) -> str:
    """See `freespan.observe.redact`, whose rules are compiled for the first record: most programs log nothing."""
    from freespan.observe.redact import redact as redacted

    return redacted(text)


class RedactingFormatter(logging.Formatter):
    """Redacts a record with its traceback; level and logger, which the program chose itself, stay."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text."""
        lines = [redact(record.getMessage())]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        elif record.exc_text:
            lines.append(redact(record.exc_text))
        if record.stack_info:
            lines.append(redact(record.stack_info))
        text = shown.lines("\n".join(lines))  # a log may go to a terminal
        return f"{record.levelname} {record.name}: {text}"

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802 (logging calls it so)
        """A traceback in which modules and methods stay, and what the errors say is redacted."""
        from freespan.observe.redact import redact_code

        if ei[1] is None:
            return ""
        parts = traceback.TracebackException.from_exception(ei[1]).format()
        return "".join(redact_code(part) if _FRAME.match(part) else redact(part) for part in parts).rstrip("\n")


def redacted_crash(error: BaseException) -> str:
    """The traceback of an error that ends the program."""
    return RedactingFormatter().formatException((type(error), error, error.__traceback__))


@contextlib.contextmanager
def logging_crashes() -> Iterator[None]:
    """For the length of the block log, and so redact, what Python writes to standard error by itself.

    These are errors of threads, errors in what frees an object, and warnings.
    """
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = _log_crash_of_thread, _log_unraisable
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        threading.excepthook, sys.unraisablehook = before


def _log_crash_of_thread(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _log.error("a thread broke", exc_info=crash.exc_value)


def _log_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    _log.error("an error that nobody can handle", exc_info=unraisable.exc_value)


def set_up_logging(*, verbose: bool = False) -> None:
    """Log warnings to standard error, with `verbose` also normal events; everything is redacted."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("freespan").setLevel(logging.INFO if verbose else logging.WARNING)
    # aioquic and aiohttp log every malformed message of a stranger, which is of no interest to the host.
    logging.getLogger("quic").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
