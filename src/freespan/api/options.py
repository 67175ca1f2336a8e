"""One option of a settings class: its type, default, help and checks, and how its value is read from each source.

A settings class is a frozen dataclass with fields like `port: Annotated[int, About("Port to listen on.")] = 8787`.
The name of a field is the name of the option everywhere: `stun_port` is `--stun-port` on the command line, `stun-port`
in a TOML file and `FREESPAN_STUN_PORT` in the environment.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freespan.wire.errors import InputError

PREFIX = "FREESPAN_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

Check = Callable[[Any], str | None]
"""Takes a value (of a list: one entry) and returns what is wrong with it, or None."""
Convert = Callable[[Any], Any]
"""Takes a value (of a list: one entry) and returns it in another form, or as it is if it has none."""


class RelatedSettingError(InputError):
    """A setting needs another one, or excludes it. Each `{}` in `reason` stands for the name of one of `others`."""

    def __init__(self, field: str, reason: str, *others: str) -> None:
        super().__init__(field, reason.format(*others))
        self._reason = reason
        self._others = others

    def reason_with(self, names: Mapping[str, str]) -> str:
        """The reason with these names for the others, by the names of their settings."""
        return self._reason.format(*(names.get(other, other) for other in self._others))


@dataclass(frozen=True)
class About:
    """What is said of an option besides its type and default.

    Attributes:
        help: one sentence for `--help`.
        group: the heading under which the option is listed.
        metavar: stands for the value in `--help` and in the docs; empty for the usual one of the type.
        default_text: describes the default where it is no fixed value.
        computed: returns what stands for None on this machine, to be shown.
        details: what the docs say besides `help`, as Markdown.
        example: a value as TOML, for the template of a file.
        low, high: the bounds of a number.
        most: how many entries a list may have; None for any number.
        convert: brings the value, or each entry of a list, into its form, before it is checked.
        check: looks at the value, or at each entry of a list.
        separator: a regular expression between the entries of a list in an environment variable.
    """

    help: str
    group: str = ""
    metavar: str = ""
    default_text: str = ""
    computed: Callable[[], Any] | None = None
    details: str = ""
    example: str = ""
    low: int | None = None
    high: int | None = None
    most: int | None = None
    convert: Convert | None = None
    check: Check | None = None
    separator: str = r"[\s,]+"


@dataclass(frozen=True)
class Replacement:
    """What a setting of an earlier version is now: another field, and why."""

    field: str
    why: str

    def reason(self, name: str) -> str:
        """What to say to whoever gives the old one; `name` is what the new one is called in that place."""
        return f"is {name} now: {self.why}"


@dataclass(frozen=True)
class Option:
    """One field of a settings class, as the sources and the docs see it.

    `kind` is `str`, `int`, `bool` or `Path`; `is_list` and `is_optional` say whether the field is a tuple of these, or
    may be None.
    """

    field: str
    kind: type
    is_list: bool
    is_optional: bool
    default: Any
    about: About

    @property
    def name(self) -> str:
        """The name in a file, and on the command line after two hyphens."""
        return self.field.replace("_", "-")

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.field.upper()

    @property
    def metavar(self) -> str:
        """What stands for the value in a usage line."""
        return self.about.metavar or {int: "NUMBER", Path: "PATH"}.get(self.kind, "TEXT")

    @property
    def default_text(self) -> str:
        """The default as people write it; empty if there is none."""
        if self.about.default_text:
            return self.about.default_text
        if self.kind is bool:
            return "yes" if self.default else "no"
        return "" if self.default in (None, "", ()) else str(self.default)

    def shown(self, value: object) -> object:
        """The value that takes effect, where None stands for one that depends on the machine."""
        return self.about.computed() if value is None and self.about.computed is not None else value

    def conform(self, value: object) -> Any:
        """Return `value` in the form of the field: a list becomes a tuple, a text a path.

        Raises:
            InputError: the field is this option's name; the value has another type, or is out of bounds.
        """
        if value is None and self.is_optional:
            return None
        if not self.is_list:
            return self._conform_one(value)
        if not isinstance(value, list | tuple):
            raise InputError(self.name, "must be a list")
        if self.about.most is not None and len(value) > self.about.most:
            raise InputError(self.name, f"takes at most {self.about.most}")
        return tuple(self._conform_one(entry) for entry in value)

    def from_text(self, text: str) -> Any:
        """Read the value of an environment variable. Raises `InputError` as `conform` does."""
        if self.is_list:
            return [self._one_from_text(entry) for entry in re.split(self.about.separator, text.strip()) if entry]
        return self._one_from_text(text)

    def _one_from_text(self, text: str) -> Any:
        if self.kind is int:
            if not re.fullmatch(r"-?[0-9]{1,20}", text.strip(), re.ASCII):
                raise InputError(self.name, "must be a whole number")
            return int(text)
        if self.kind is bool:
            word = text.strip().lower()
            if word not in _TRUE + _FALSE:
                raise InputError(self.name, "must be yes or no")
            return word in _TRUE
        return text

    def _conform_one(self, value: object) -> Any:
        if self.kind is Path and isinstance(value, str):
            if not value:
                raise InputError(self.name, "must name a file or a directory")
            value = Path(value)
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            number = "whole numbers" if self.is_list else "a whole number"
            what = {str: "text", int: number, bool: "true or false", Path: "a path"}[self.kind]
            raise InputError(self.name, f"must be {'a list of ' * self.is_list}{what}")
        low, high = self.about.low, self.about.high
        if isinstance(value, int) and ((low is not None and value < low) or (high is not None and value > high)):
            raise InputError(self.name, f"must be from {low} to {high}")
        if self.about.convert is not None:
            value = self.about.convert(value)
        if self.about.check is not None and (wrong := self.about.check(value)):
            raise InputError(self.name, wrong)
        return value


def options_of(settings: type) -> Mapping[str, Option]:
    """The options of a settings class by the names of their fields, in their order."""
    hints = typing.get_type_hints(settings, include_extras=True)
    return {field.name: _option(field.name, hints[field.name], field.default) for field in dataclasses.fields(settings)}


def replacements_of(settings: type) -> Mapping[str, Replacement]:
    """What settings of earlier versions are now, by the names of the old fields."""
    found: Mapping[str, Replacement] = getattr(settings, "REPLACED", {})
    return found


def conform_fields(settings: Any) -> None:
    """Bring the fields of a new instance into form and check them, for its `__post_init__`. Raises `InputError`."""
    for name, each in options_of(type(settings)).items():
        object.__setattr__(settings, name, each.conform(getattr(settings, name)))


def _option(field: str, hint: Any, default: Any) -> Option:
    annotated, about = typing.get_args(hint)
    arguments = typing.get_args(annotated)
    is_list = typing.get_origin(annotated) is tuple
    return Option(field, arguments[0] if arguments else annotated, is_list, type(None) in arguments, default, about)
