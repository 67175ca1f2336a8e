"""Logging that cannot identify a reader: whatever looks like an address, a host name or an invite is redacted.

Modules of freespan do not log such things in the first place. This is the second safeguard, for libraries and
tracebacks.
"""

from __future__ import annotations

import logging
import re

_BLANK = "[redacted]"
# Each takes time in proportion to the text: a run of characters is tried from its beginning only.
_SECRETS = (
    re.compile(r"freespan\d+_[\w-]+"),
    re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s'\"<>]+", re.IGNORECASE),
    re.compile(r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)(?::\d+)?"),
    re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,8}[0-9a-f]{0,4}(?:%[\w.-]+)?(?![\w:])", re.IGNORECASE),
)
_DOTTED = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++)++")
_NAME = re.compile(r"(?:.+\.)(?:xn--[a-z0-9-]+|[^\W\d_]{2,})-*", re.IGNORECASE | re.DOTALL)
_ERROR_CLASS = re.compile(r"\w*(?:Error|Exception|Warning)")
_SOURCE_FILE = re.compile(r"[\w-]+\.(?:py|js)")


def redact(text: str) -> str:
    """Return the text with invites, URLs, addresses and host names redacted."""
    for secret in _SECRETS:
        text = secret.sub(_BLANK, text)
    return _DOTTED.sub(_blank_name, text)


def _blank_name(found: re.Match[str]) -> str:
    """Redact a host name, but not a file in a path, the class of an error, or a method call in a line of code."""
    dotted = found.group()
    before, after = found.string[max(0, found.start() - 1) : found.start()], found.string[found.end() : found.end() + 1]
    is_file = before in ("/", "\\") and _SOURCE_FILE.fullmatch(dotted)
    is_code = dotted.startswith("self.") and after == "("
    is_error = _ERROR_CLASS.fullmatch(dotted.rpartition(".")[2])
    return dotted if is_file or is_code or is_error or not _NAME.fullmatch(dotted) else _BLANK


class RedactingFormatter(logging.Formatter):
    """Redacts the whole record with its traceback; only level and logger, which the program chose itself, stay."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text."""
        return f"{record.levelname} {record.name}: {redact(super().format(record))}"


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
