import hashlib
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.provisional import domains

from freespan.observe.log import RedactingFormatter, redact, set_up_logging
from freespan.wire.invite import format_invite
from tests.support.invites import invite_to

BLANK = "[redacted]"
INVITE = format_invite(invite_to("https://host.example", hashlib.sha256(b"key").digest()))

invites = st.binary(min_size=32, max_size=32).map(lambda key: format_invite(invite_to("https://host.example", key)))
# An address of one group alone identifies nobody, and "::" is the address of no one.
v6 = st.ip_addresses(v=6).filter(lambda address: int(address) >> 32).map(str)
v6_in_full = st.ip_addresses(v=6).map(lambda address: address.exploded)
v4 = st.ip_addresses(v=4).map(str)
v4_in_v6 = st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}")
names = domains().filter(lambda name: len(name) > 4)
paths = st.from_regex(r"/[a-z0-9/._~-]{0,20}", fullmatch=True)
urls = st.builds(
    lambda scheme, host, path: f"{scheme}://{host}{path}", st.sampled_from(["http", "https", "wss"]), names, paths
)
secrets = st.one_of(invites, v6, v6_in_full, v4, v4_in_v6, names, urls)
around = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "'",
        '"',
        "(",
        ")",
        ", ",
        ": ",
        "; ",
        "=",
        "<",
        ">",
        "[",
        "]",
        "{",
        "}",
        ". ",
        "!",
        "?",
        "/",
        "|",
        "\\",
    ]
)
words = st.lists(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), max_size=8).map(" ".join)


@settings(max_examples=300)
@given(secrets, around, around, words, words)
@example("example.org", " ", ".", "cannot resolve", "")
@example("example.org", "", "", "", "")
@example("2001:db8::1", "(", ")", "", "")
@example("192.0.2.1:443", "to ", "", "", "")
@example("una.py", " ", " ", "", "")
@example("a_b.example.org", " ", " ", "", "")
@example("bücher.example", " ", " ", "", "")
@example("example.xn--p1ai", " ", " ", "", "")
@example("1:2:3:4:5:6:7::", " ", " ", "", "")
@example("::2:3:4:5:6:7:8", " ", " ", "", "")
@example("fe80::1%eth0", " ", " ", "", "")
def test_secrets_never_survive(secret: str, left: str, right: str, before: str, after: str) -> None:
    text = f"{before}{left}{secret}{right}{after}"
    if before and not left:
        text = f"{before} {secret}{right}{after}"
    if not right and after:
        text = text.removesuffix(after) + f" {after}"
    assert secret not in redact(text)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"invite {INVITE}.", f"invite {BLANK}."),
        ("freespan2_abc-DEF", BLANK),
        ("connect to 192.0.2.1:443 failed", f"connect to {BLANK} failed"),
        ("peer ('192.0.2.1', 443)", f"peer ('{BLANK}', 443)"),
        ("peer [2001:db8::1]:443", f"peer [{BLANK}]:443"),
        ("GET http://user:word@example.org/path?q HTTP/1.1", f"GET {BLANK} HTTP/1.1"),
        (
            "Cannot connect to host example.org:443 ssl:default [None]",
            f"Cannot connect to host {BLANK}:443 ssl:default [None]",
        ),
        ("no answer from mail.example.co.uk.", f"no answer from {BLANK}."),
    ],
)
def test_what_is_around_a_secret_stays(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@given(words)
@example("the session timed out or broke")
def test_ordinary_words_survive(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '  File "/usr/lib/python3.11/asyncio/base_events.py", line 653, in run_until_complete',
        '  File "/opt/freespan/link/base.py", line 12, in <module>',
        '  File "C:\\Python311\\Lib\\asyncio\\events.py", line 84, in _run',
        "    self._owner.on_message(message)",
        "    await asyncio.wait_for(self.queue.get(), 5)",
        "asyncio.exceptions.CancelledError",
        "aiohttp.client_exceptions.ClientConnectorError: it failed",
        "ssl.SSLError: it failed",
        "freespan.wire.errors.StreamError: the site refused the connection",
        "Python 3.11.7, 16,384 bytes in 0.25 s at 12.5 MB/s; 100 % done",
        "e.g. this, i.e. that",
        "a: b, c: d",
    ],
)
def test_what_helps_to_find_a_fault_survives(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["a", "a-", "a.", "1.", ":", "ab:", "a://", "freespan1", "self."], ids=repr)
def test_a_long_line_takes_time_in_proportion(text: str) -> None:
    line = text * (100_000 // len(text))
    began = time.process_time()
    redacted = redact(f"{line} 192.0.2.1")
    assert time.process_time() - began < 5.0  # a square of the length takes minutes
    assert redacted.endswith(f" {BLANK}")


# --- logging -------------------------------------------------------------------------------------
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
