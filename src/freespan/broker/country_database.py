"""In which country an address is: by a database that the host supplies (MMDB), looked up in memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import maxminddb

from freespan.wire.addresses import Address
from freespan.wire.errors import InputError
from freespan.wire.limits import COUNTRY_DATABASE_MAX

_OPTION = "countries"


class CountryDatabase:
    """A database of countries, or of anything with countries in it, such as cities.

    Raises:
        InputError: field `countries`; the file cannot be read, is too large, or is no such database.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(COUNTRY_DATABASE_MAX + 1)
        except OSError as error:
            raise InputError(_OPTION, f"cannot be read: {(error.strerror or 'input/output error').lower()}") from None
        if len(content) > COUNTRY_DATABASE_MAX:
            raise InputError(_OPTION, f"is larger than {COUNTRY_DATABASE_MAX >> 20} MiB: take one of countries alone")
        try:
            # written in Python: rubbish in the file is an error there, and nothing worse
            self._reader = maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD)
        except (maxminddb.InvalidDatabaseError, *_RUBBISH):
            raise InputError(_OPTION, "is no database in the MMDB format") from None

    def country(self, address: Address) -> str | None:
        """Two letters (ISO 3166-1) as the database has them; None if it knows none."""
        try:
            return _code_in(self._reader.get(address))
        except (maxminddb.InvalidDatabaseError, *_RUBBISH):  # an IPv6 address in a database of IPv4, for one
            return None


_RUBBISH = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, MemoryError)
"""What a reader of a broken database may raise."""


def _code_in(record: Any) -> str | None:
    """Where the usual databases have it: `country.iso_code`, `country_code` or `country`."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code") or country
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha() else None
