"""Makes the command-line options of a settings class for typer, so that no option is written down twice."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from freespan.api.options import Option, options_of, replacements_of
from freespan.api.sources import CONFIG_VARIABLE, Sourced, read_sources, unknown_variables
from freespan.terminal.output import print_error
from freespan.wire.errors import InputError

_CONFIG = "config"
_CONFIG_HELP = f"File with settings (TOML); freespan config --template prints one. Default: that of {CONFIG_VARIABLE}."


def takes_settings(
    settings: type, *, only: Collection[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `settings`, or `only` those of these fields, and `--config`.

    The command gets what was read from all sources as its first argument (`Sourced`), and its own options by keyword.
    Environment variables that look like settings and are none are named on standard error.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options, replaced = options_of(settings), replacements_of(settings)
        shown = [field for field in options if only is None or field in only]
        of_before = [field for field, each in replaced.items() if each.field in shown]
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        def run(**arguments: Any) -> None:
            given = {field: arguments.pop(field) for field in shown}
            for field in of_before:
                if arguments.pop(field) is not None:
                    now = options[replaced[field].field]
                    raise InputError(_flag(field), replaced[field].reason(f"{now.flag} {now.metavar}"))
            sourced: Sourced[Any] = read_sources(settings, given, os.environ, arguments.pop(_CONFIG))
            for warning in unknown_variables(settings, os.environ):
                print_error(warning)
            command(sourced, **arguments)

        parameters = [_parameter(options[field]) for field in shown]
        parameters += [_switch_of_before(field) for field in of_before]
        config = typer.Option(metavar="FILE", help=_CONFIG_HELP)
        parameters.append(_keyword(_CONFIG, Path | None, config))
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _parameter(each: Option) -> inspect.Parameter:
    """None stands for an option that was not given."""
    flags = [f"{each.flag}/--no-{each.name}"] if each.kind is bool else [each.flag]
    made = typer.Option(
        *flags,
        metavar=None if each.kind is bool else each.metavar,
        min=each.about.low,
        max=each.about.high,
        help=_help(each),
        rich_help_panel=each.about.group,
    )
    return _keyword(each.field, list[each.kind] | None if each.is_list else each.kind | None, made)  # type: ignore[name-defined]


def _switch_of_before(field: str) -> inspect.Parameter:
    """A switch that is not listed, and answered by what has replaced it."""
    return _keyword(field, bool | None, typer.Option(f"{_flag(field)}/{_flag(f'no_{field}')}", hidden=True))


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _keyword(name: str, annotation: Any, option: Any) -> inspect.Parameter:
    annotated = Annotated[annotation, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotated)


def _help(each: Option) -> str:
    repeatable = " May be repeated." if each.is_list else ""
    return f"{each.about.help}{repeatable}" + (f" Default: {each.default_text}." if each.default_text else "")
