"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON only, one object a line.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log normal events too; addresses stay blanked out.")]
