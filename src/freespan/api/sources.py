"""Where settings come from: the command line, then the environment, then a TOML file, then the defaults.

`read_sources` puts the values together, remembers where each comes from, and names that place in errors: `--site: not a
directory`, `FREESPAN_SITE: not a directory`, `host.toml: site: not a directory`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from freespan.api.options import PREFIX, Option, RelatedSettingError, Replacement, options_of, replacements_of
from freespan.wire.errors import InputError

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
_CONFIG_MAX = 1024 * 1024
_OTHER_VARIABLES = {CONFIG_VARIABLE, f"{PREFIX}INVITE", f"{PREFIX}LAB", f"{PREFIX}WORDPRESS"}
"""Variables that begin like those of settings and are none; the last two turn tests on."""

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Sourced(Generic[Settings]):
    """Settings, and by the name of each field the place that its value comes from; a default comes from nowhere."""

    settings: Settings
    origins: Mapping[str, str]
    again: Callable[[], Sourced[Settings]] | None = field(default=None, compare=False)
    """Reads them once more from the same places, as far as these can have changed."""

    @contextlib.contextmanager
    def naming_origins(self) -> Iterator[None]:
        """Let an `InputError` about a setting name the place that the value comes from."""
        with _naming(options_of(type(self.settings)), self.origins):
            yield


def read_sources(
    settings: type[Settings], given: Mapping[str, Any], environment: Mapping[str, str], config: Path | None
) -> Sourced[Settings]:
    """Read settings from all sources.

    Args:
        settings: the class of the settings.
        given: what the command line has, by the names of the fields; None where it has nothing.
        environment: the variables; those that are empty count as not given.
        config: a TOML file; None for the one that `FREESPAN_CONFIG` names, if it does.

    Raises:
        InputError: a value or a file cannot be used; the field names the place.
    """
    options = options_of(settings)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    if config is not None:
        for field, value in _read_config(config, options, replacements_of(settings)).items():
            values[field], origins[field] = value, f"{config}: {options[field].name}"
    with _naming(options, origins):
        for field, each in options.items():
            if text := environment.get(each.variable):
                origins[field] = each.variable
                values[field] = each.from_text(text)
            if given.get(field) is not None:
                values[field], origins[field] = given[field], each.flag
        again = partial(read_sources, settings, given, environment, config)
        return Sourced(settings(**values), origins, again)


def variables_of(settings: type) -> frozenset[str]:
    """The names of all environment variables from which these settings are read."""
    return frozenset({CONFIG_VARIABLE, *(each.variable for each in options_of(settings).values())})


def unknown_variables(settings: type, environment: Mapping[str, str]) -> list[str]:
    """A line for each environment variable that looks like a setting and is none, with the name that is nearest."""
    options = options_of(settings)
    known = {each.variable for each in options.values()} | _OTHER_VARIABLES
    names = {each.name: each.variable for each in options.values()}
    replaced = {
        PREFIX + field.upper(): each.reason(options[each.field].variable)
        for field, each in replacements_of(settings).items()
    }
    return [
        f"{variable}: {replaced.get(variable) or 'no such setting' + _nearest(variable.removeprefix(PREFIX), names)}"
        for variable in sorted(environment)
        if variable.startswith(PREFIX) and variable not in known
    ]


@contextlib.contextmanager
def _naming(options: Mapping[str, Option], origins: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        option = next((each for each in options.values() if each.name == error.field), None)
        if option is None:
            raise
        origin = origins.get(option.field, option.flag)
        reason = error.reason
        if isinstance(error, RelatedSettingError):
            reason = error.reason_with(_names_as_in(origin, option, options))
        raise InputError(origin, reason) from None


def _names_as_in(origin: str, option: Option, options: Mapping[str, Option]) -> dict[str, str]:
    """How the settings are called where the value of `option` comes from."""
    if origin == option.flag:
        return {each.name: each.flag for each in options.values()}
    if origin == option.variable:
        return {each.name: each.variable for each in options.values()}
    return {}


def _read_config(path: Path, options: Mapping[str, Option], replaced: Mapping[str, Replacement]) -> dict[str, Any]:
    """The values of a TOML file by the names of their fields."""
    import tomllib  # commands without a file need not wait for it

    try:
        with path.open("rb") as file:
            content = file.read(_CONFIG_MAX + 1)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {(error.strerror or 'input/output error').lower()}") from None
    if len(content) > _CONFIG_MAX:
        raise InputError(str(path), "is too large for a file of settings")
    try:
        table = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise InputError(str(path), "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), f"is not valid TOML: {error}") from None
    by_name = {each.name: field for field, each in options.items()}
    names = {name: name for name in by_name}
    values: dict[str, Any] = {}
    for key, value in table.items():
        field = by_name.get(key.replace("_", "-"))
        if replacement := replaced.get(key.replace("-", "_")):
            raise InputError(f"{path}: {key}", replacement.reason(options[replacement.field].name))
        if field is None:
            raise InputError(f"{path}: {key}", f"no such setting{_nearest(key, names)}")
        if field in values:
            raise InputError(f"{path}: {key}", "is given twice, with a hyphen and with an underscore")
        values[field] = value
    return values


def _nearest(key: str, names: Mapping[str, str]) -> str:
    """A hint at the setting that was meant; `names` has what each setting is called in the hint."""
    import difflib  # only a mistake needs it

    wanted = key.replace("_", "-").lower()
    near = difflib.get_close_matches(wanted, names, n=1) or difflib.get_close_matches(wanted.rstrip("s"), names, n=1)
    if near:
        return f"; did you mean {names[near[0]]}?"
    return "; freespan config --template lists them all"
