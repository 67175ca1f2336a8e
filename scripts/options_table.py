"""Write the tables of options in docs/hosting.md anew, from `HostSettings`: `python scripts/options_table.py`."""

from __future__ import annotations

from pathlib import Path

from freespan.api.settings import HostSettings
from freespan.api.settings_text import markdown_table

PAGE = Path(__file__).parent.parent / "docs" / "hosting.md"


def with_tables(page: str) -> str:
    """Return the page with the tables of today between its two marks."""
    tables = f"\n{markdown_table(HostSettings)}\n"
    start = page.index("-->\n", page.index("<!-- options: ")) + len("-->\n")
    return page[:start] + tables + page[page.index("<!-- end of options -->", start) :]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
