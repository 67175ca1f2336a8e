"""What is wrong with a command line, in one line."""

from __future__ import annotations

import re
from typing import Any


def usage_message(error: Any) -> str | None:
    """Say in one line what is wrong with a command line.

    `error` is any exception. Usage errors of typer, whose classes are not public, are known by what they have. Returns
    an empty text if typer has printed the help instead, and None for an exception that is no usage error.
    """
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    text = str(format_message())
    if not text:
        return ""
    see_help = f"; see freespan {_command_of(error)}--help"
    if parameter := getattr(error, "param", None):
        if text.startswith("Missing "):
            return f"missing {parameter.param_type_name} {_name_of(parameter)}{see_help}"
        return f"{_name_of(parameter)}: {_wrong_value(parameter, text)}"
    if option := getattr(error, "option_name", None):
        if not text.startswith("No such option"):
            return f"{option}: {'needs a value' if 'requires' in text else 'takes no value'}"
        near = error.possibilities  # the nearest first
        return f"no such option {option}" + (f"; did you mean {near[0]}?" if near else see_help)
    return _in_our_style(text, see_help)


def _command_of(error: Any) -> str:
    """The command that was given, with the group that it is in, and a space; empty for none."""
    context, names = getattr(error, "ctx", None), []
    while context is not None and context.parent is not None:
        names.append(f"{context.info_name} ")
        context = context.parent
    return "".join(reversed(names))


def _name_of(parameter: Any) -> str:
    """The longest name of an option, or the name of an argument as it stands in the help."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.human_readable_name)


def _wrong_value(parameter: Any, text: str) -> str:
    kind = parameter.type
    if choices := getattr(kind, "choices", None):
        *most, last = (str(choice) for choice in choices)
        given = re.search(r": (\S.*) is not one of ", text)
        return f"must be {', '.join(most)} or {last}" + (f", not {given[1]}" if given else "")
    if getattr(kind, "min", None) is None:
        return _in_our_style(text, "")
    return "must be a whole number" if "is not a valid" in text else f"must be from {kind.min} to {kind.max}"


def _in_our_style(text: str, see_help: str) -> str:
    """A sentence of typer as a phrase: without a capital and a full stop."""
    if found := re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", text):
        return f"unexpected argument {found[1]}{see_help}"
    phrase, _, hint = text.partition(". Did you mean ")
    phrase = (phrase[:1].lower() + phrase[1:]).rstrip(".")
    return f"{phrase}; did you mean {hint}" if hint else phrase + see_help
