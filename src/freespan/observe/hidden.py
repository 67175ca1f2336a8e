"""Texts that this process knows to be secret, such as the path of its host: they are taken out of every log."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

_LENGTH_MIN = 8
_hidden: Counter[str] = Counter()


@contextlib.contextmanager
def hiding(*texts: str) -> Iterator[None]:
    """Take these texts out of everything that is redacted during the block, wherever they stand as words.

    What could be an ordinary word is left to the rules of `redact`.
    """
    secrets = [secret for text in texts if _is_peculiar(secret := text.strip("/"))]
    _hidden.update(secrets)
    try:
        yield
    finally:
        _hidden.subtract(secrets)
        for secret in [secret for secret, count in _hidden.items() if count <= 0]:
            del _hidden[secret]


def hiding_urls(*urls: str) -> contextlib.AbstractContextManager[None]:
    """The same for the names and paths of these URLs."""
    parts = [urlsplit(url) for url in urls]
    return hiding(*(text for part in parts for text in (part.hostname or "", part.path)))


def hidden_texts() -> Iterable[str]:
    """What is hidden at the moment."""
    return tuple(_hidden)


def _is_peculiar(text: str) -> bool:
    return len(text) >= _LENGTH_MIN and not (text.isalpha() and text.islower())
