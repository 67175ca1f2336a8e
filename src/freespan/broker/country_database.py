"""The country of an address, looked up in memory in a database (MMDB) that the host supplies."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import maxminddb

from freespan.wire.addresses import Address
from freespan.wire.errors import InputError

DATABASE_MAX = 128 * 1024 * 1024
"""Size of the largest database that is loaded, in bytes. A database of countries alone has about 10 MB."""
_OPTION = "countries"
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, MemoryError)
"""What a reader of a broken database may raise, besides its own `InvalidDatabaseError`."""


class CountryDatabase:
    """A database of countries, or of anything with countries in it, such as cities.

    Raises:
        InputError: field `countries`; the file cannot be read, is larger than `max_size`, or is not such a database.
    """

    def __init__(self, path: Path, max_size: int = DATABASE_MAX) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(max_size + 1)
        except OSError as error:
            raise InputError(_OPTION, f"cannot be read: {(error.strerror or 'input/output error').lower()}") from None
        if len(content) > max_size:
            raise InputError(_OPTION, f"is larger than {max_size >> 20} MiB: use a database of countries alone")
        try:
            # The reader in pure Python: a broken file raises an error there, and does nothing worse.
            self._reader = maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD)
        except (maxminddb.InvalidDatabaseError, *_BROKEN):
            raise InputError(_OPTION, "is not a database in the MMDB format") from None

    def country(self, address: Address) -> str | None:
        """Return the two letters (ISO 3166-1) that the database has for an address, or None."""
        try:
            return _code_in(self._reader.get(address))
        except (maxminddb.InvalidDatabaseError, *_BROKEN):  # an IPv6 address in a database of IPv4, for example
            return None


def _code_in(record: Any) -> str | None:
    """Return the code from where the usual databases have it: `country.iso_code`, `country_code` or `country`."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code") or country
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha() else None
