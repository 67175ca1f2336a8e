import logging
import threading
import warnings
from collections.abc import Iterator

import pytest

from freespan.observe.log import RedactingFormatter, logging_crashes, set_up_logging

BLANK = "[redacted]"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test sets up is taken back."""
    loggers = [logging.getLogger(name) for name in ("", "freespan", "quic")]
    handlers, levels = loggers[0].handlers[:], [logger.level for logger in loggers]
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_record_is_redacted_whole_and_keeps_its_logger(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    log = logging.getLogger("freespan.egress.server")
    try:
        raise OSError("no route to 192.0.2.1")
    except OSError:
        log.exception("lost %s", "example.org")
    text = capsys.readouterr().err
    assert text.startswith(f"ERROR freespan.egress.server: lost {BLANK}\n")
    assert f"OSError: no route to {BLANK}" in text
    assert "test_log.py" in text
    assert "192.0.2.1" not in text


def test_by_default_only_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    logging.getLogger("freespan.link").info("normal")
    logging.getLogger("other").info("normal")
    logging.getLogger("other").warning("odd")
    assert capsys.readouterr().err == "WARNING other: odd\n"


def test_verbose_logs_events_of_freespan_alone(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=True)
    logging.getLogger("freespan.link").info("open")
    logging.getLogger("other").info("normal")
    assert capsys.readouterr().err == "INFO freespan.link: open\n"


def test_malformed_messages_of_strangers_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=True)
    logging.getLogger("quic").warning("odd packet")
    assert capsys.readouterr().err == ""


def test_setting_up_twice_logs_everything_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    set_up_logging()
    logging.getLogger("freespan").warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_stack_information_is_redacted_too() -> None:
    record = logging.LogRecord("a.b", logging.INFO, __file__, 1, "hello", None, None, sinfo="at 192.0.2.1")
    assert RedactingFormatter().format(record) == f"INFO a.b: hello\nat {BLANK}"


class _Thing:
    queue = None

    def act(self) -> None:
        self.queue.missing.fetch("somebody")  # type: ignore[attr-defined]


def test_the_lines_of_code_in_a_traceback_stay_and_what_errors_say_goes() -> None:
    with pytest.raises(OSError) as caught:
        try:
            _Thing().act()
        except AttributeError as error:
            error.add_note("while asking printserver:443")
            raise OSError("self.site.org(443)") from error
    text = RedactingFormatter().formatException((caught.type, caught.value, caught.tb))
    assert 'self.queue.missing.fetch("somebody")' in text
    assert "'NoneType' object has no attribute 'missing'" in text
    assert f"while asking {BLANK}:443" in text
    assert text.endswith(f"OSError: {BLANK}(443)")
    assert "The above exception was the direct cause" in text


def test_a_group_of_errors_is_redacted_too() -> None:
    group = ExceptionGroup("several", [OSError("no route to printserver"), ValueError("x@example.org")])
    text = RedactingFormatter().formatException((type(group), group, None))
    assert f"OSError: no route to {BLANK}" in text
    assert f"ValueError: {BLANK}" in text


def test_what_python_writes_by_itself_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the errors of threads and of finalizers, and warnings with the addresses of a socket."""

    class Fragile:
        def __del__(self) -> None:
            raise OSError("cannot reach site.example (192.0.2.1)")

    def break_down() -> None:
        raise OSError("no route to 192.0.2.2")

    set_up_logging()
    before = threading.excepthook
    with logging_crashes():
        thread = threading.Thread(target=break_down)
        thread.start()
        thread.join()
        Fragile()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning("unclosed ('192.0.2.3', 443)", ResourceWarning, "sockets.py", 1)
    assert threading.excepthook is before
    text = capsys.readouterr().err
    assert (text.count("ERROR freespan.observe.log"), text.count("WARNING py.warnings")) == (2, 1)
    assert "OSError: no route to [redacted]" in text
    assert "192.0.2." not in text.replace('"cannot reach site.example (192.0.2.1)"', "").replace('to 192.0.2.2"', "")
