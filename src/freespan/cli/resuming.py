"""How a download goes on where an earlier one has ended (RFC 9110 section 14). Pure.

asked for        the bytes behind those that are there, if the file is still the same (If-Range)
206              they come: if they begin where the others end, they are appended
200              it is another file by now, or the site sends only whole ones: it is written anew
416              there are none: the file is complete, or it is another one by now and is asked for anew
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"')
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT")
_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
_NO_RANGE = re.compile(r"bytes\s+\*/([0-9]{1,18})", re.IGNORECASE)


class Plan(Enum):
    """What to do with an answer."""

    WHOLE = "write it as a new file"
    APPEND = "write it behind what is there"
    COMPLETE = "leave what is there"
    ANEW = "ask once more, for all of it"


@dataclass(frozen=True)
class Kept:
    """What an earlier download has left: how many bytes, and by what the site knows the file; empty if it said none."""

    size: int = 0
    validator: str = ""

    def fields(self) -> list[tuple[str, str]]:
        """What is asked for."""
        if not self.size:
            return []
        condition = [("If-Range", self.validator)] if self.validator else []
        return [("Range", f"bytes={self.size}-"), *condition]

    def plan(self, status: int, headers: Mapping[str, str]) -> Plan:
        """What to do with an answer; names of headers are in lower case."""
        if not self.size:
            return Plan.WHOLE
        said = headers.get("content-range", "")
        if status == 206:
            found = _RANGE.fullmatch(said.strip())
            is_next = found is not None and int(found[1]) == self.size
            return Plan.APPEND if is_next and self._is_same(headers) else Plan.ANEW
        if status == 416:
            end = _NO_RANGE.fullmatch(said.strip())
            return Plan.COMPLETE if end and int(end[1]) == self.size and self._is_same(headers) else Plan.ANEW
        return Plan.WHOLE

    def _is_same(self, headers: Mapping[str, str]) -> bool:
        now = validator_of(headers)
        return not now or not self.validator or now == self.validator


def validator_of(headers: Mapping[str, str]) -> str:
    """By what a site can tell whether a file is still the same: its strong tag, or its date; else empty."""
    tag, date = headers.get("etag", "").strip(), headers.get("last-modified", "").strip()
    if _STRONG_TAG.fullmatch(tag):
        return tag
    return date if not tag and _DATE.fullmatch(date) else ""
