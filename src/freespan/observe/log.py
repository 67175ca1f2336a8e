"""Logging that cannot identify a reader: everything is redacted, lines of the program's own code a little less."""

from __future__ import annotations

import logging
import re
import traceback
from types import TracebackType

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
        text = "\n".join(lines)
        return f"{record.levelname} {record.name}: {text}"

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802 (logging calls it so)
        """A traceback in which modules and methods stay, and what the errors say is redacted."""
        from freespan.observe.redact import redact_code

        if ei[1] is None:
            return ""
        parts = traceback.TracebackException.from_exception(ei[1]).format()
        return "".join(redact_code(part) if _FRAME.match(part) else redact(part) for part in parts).rstrip("\n")


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
