"""Which licences a release may contain, and under which each package is.

docs/dependencies.md has the same list, with a reason for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message

from license_expression import ExpressionError, ExpressionParseError, LicenseSymbol, Licensing, ParseError

ALLOWED = frozenset(
    {
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unicode-3.0",
    }
)
"""By their names in the list of SPDX."""

SPELLINGS: Mapping[str, str] = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages without a license expression (PEP 639) call their licences."""

LOOKED_UP: Mapping[str, str] = {
    "colorama": "BSD-3-Clause",  # Windows alone, so it is seldom installed where the audit runs
    "openssl": "Apache-2.0",  # inside the wheels of cryptography, whose list names no licence for it
    "segno": "BSD-3-Clause",  # says only "BSD License"
}
"""Licences that a person has read, of what does not say it by a name."""

_LICENSING = Licensing()


def licence_of(name: str, metadata: Message | None) -> str | None:
    """The SPDX expression of a package, by its core metadata; None if that cannot be known."""
    if name in LOOKED_UP:
        return LOOKED_UP[name]
    if metadata is None:
        return None
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [str(text) for text in metadata.get_all("Classifier", [])]
    named = [str(metadata.get("License", "")), *(text.rpartition(" :: ")[2] for text in classifiers)]
    found = (SPELLINGS.get(text, text) for text in named)
    return next((text for text in found if text in ALLOWED), None)


def is_allowed(expression: str) -> bool:
    """Whether somebody who may use what `ALLOWED` names may use this: one side of each OR, both of each AND."""
    try:
        parsed = _LICENSING.parse(expression)
    except (ExpressionError, ExpressionParseError, ParseError):
        return False
    return parsed is not None and _is_allowed(parsed)


def _is_allowed(parsed: LicenseSymbol) -> bool:
    if isinstance(parsed, _LICENSING.OR):
        return any(map(_is_allowed, parsed.args))
    if isinstance(parsed, _LICENSING.AND):
        return all(map(_is_allowed, parsed.args))
    return str(parsed) in ALLOWED
