"""curl's own test data: which of it fits the local proxy, and one transfer of it by one way.

The data and curl's test server `sws` come from the source package of the distribution (`scripts/install-programs.sh`)
and are described in its `tests/FILEFORMAT.md`. A case says what the server replies, byte for byte, and with which
arguments curl asks for it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "build" / "programs" / "curl"
"""Where curl's source lies, with the test server built."""
SWS = SOURCE / "tests" / "server" / "sws"
DATA = SOURCE / "tests" / "data"
SECONDS = 60.0
"""Limit for a transfer; some cases let the server send with delays of a second."""
HUNG = -1
"""In place of the exit code of a transfer that did not end in time."""
_START_SECONDS = 10.0

_TAG = rb"^[ \t]*<%s((?: [^>\n]*)?)>\n(.*?)^[ \t]*</%s>"
_ELSEWHERE = re.compile(
    r"(?:^|\s)(?:-x|-p|--proxy\S*|--preproxy|--socks\S*|--noproxy|--interface|--local-port|--resolve|--connect-to"
    r"|--unix-socket|--abstract-unix-socket|--haproxy\S*|--doh\S*|--dns\S*|--tcp-fastopen|--ipv6|-6)(?=[\s=]|$)"
)
"""Options that say by which way curl connects, which is what these tests choose."""
_SHOWS_HEADS = re.compile(r"(?:^|\s)(?:-[a-zA-Z]*[iID]|--include|--head|--dump-header)(?=\s|$)")
"""Options with which curl writes heads of responses among what it received."""
_OTHER_SERVER = re.compile(
    r"%[A-Z0-9]*(?:PORT|PATH)\b|\b(?:ftp|https|gopher|file|telnet|imap|smtp|pop3|dict|mqtt|ws)s?://"
)
_ALWAYS = {"aws", "basic", "bearer", "cookies", "crypto", "digest", "getrlimit", "headers-api", "http", "http-auth"}
_ALWAYS |= {"http/1.1", "ipv6", "large_file", "manual", "mime", "netrc", "parsedate", "proxy", "shuffle-dns", "socks"}
_ALWAYS |= {"typecheck", "verbose-strings", "wakeup"}
"""What every build of a distribution has, though `curl --version` does not name it."""
_OTHER_NAMES = {
    "h2c": "http2",
    "http/2": "http2",
    "threaded-resolver": "asynchdns",
    "unix-sockets": "unixsockets",
    "digest": "ssl",
}


@dataclass(frozen=True)
class Case:
    """One case, as it is before the port of the server is known."""

    number: int
    name: str
    text: bytes


@dataclass(frozen=True)
class Outcome:
    """How a transfer ended: what a person who ran curl would have of it, and what the server was asked."""

    code: int
    expected: bool = field(compare=False)
    """Whether curl's own data names this exit code."""
    files: Mapping[str, bytes]
    """Standard output under the name `-`, and the files that were written."""
    asked: bytes = field(default=b"", compare=False)
    """What the server received, without the fields that are between curl and the proxy."""


class PortTakenError(Exception):
    """curl's server could not listen: another program has got the port since it was chosen."""


class NotForUsError(Exception):
    """The case needs something else than a plain HTTP server and curl; the text says what."""


@cache
def curl_version() -> tuple[str, frozenset[str]]:
    """The version of the installed curl, and what it can do, in lower case."""
    lines = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()
    words = {word.lower() for line in lines for word in line.partition(":")[2].split()}
    return lines[0].split()[1], frozenset(words | _ALWAYS)


def cases() -> list[Case]:
    """All cases that fit, by number."""
    found = []
    for file in DATA.glob("test[0-9]*"):
        with contextlib.suppress(NotForUsError):
            found.append(fitting(int(file.name.removeprefix("test")), file.read_bytes()))
    return sorted(found, key=lambda case: case.number)


def fitting(number: int, text: bytes) -> Case:
    """Return the case of this text. Raises `NotForUsError`."""
    if _part(text, "server", "client").split() != [b"http"]:
        raise NotForUsError("another server than that of HTTP")
    if _part(text, "tool", "client") or b"type=" in _attributes(text, "command", "client"):
        raise NotForUsError("a program of its own instead of curl")
    for feature in _part(text, "features", "client").decode().lower().split():
        if _has(feature.lstrip("!")) == feature.startswith("!"):
            raise NotForUsError(f"a curl with or without {feature}")
    command = _part(text, "command", "client").decode("latin-1")
    if not command.strip() or _part(text, "precheck", "client"):
        raise NotForUsError("curl's own test program around it")
    if _ELSEWHERE.search(command) or b"proxy" in _part(text, "setenv", "client").lower():
        raise NotForUsError("a way of its own")
    everything = (command + _part(text, "file", "client").decode("latin-1")).replace("%HTTPPORT", "")
    if _OTHER_SERVER.search(everything) or re.search(r"%(?:HOST6IP|SSH|LISTEN)", everything):
        raise NotForUsError("another server as well")
    return Case(number, _part(text, "name", "client").decode("latin-1").strip(), text)


def transfer(case: Case, folder: Path, port: int, proxy: str = "") -> Outcome:
    """Run curl for a case against its server on `port` of loopback, by `proxy` if one is named.

    Raises:
        PortTakenError: another port may do.
    """
    shutil.rmtree(folder, ignore_errors=True)
    log = folder / "log"
    (log / "server").mkdir(parents=True)
    prepared = _prepared(case, port, folder)
    (log / f"test{case.number}").write_bytes(prepared)
    for attributes, content in _parts(prepared, "file[1-4]?", "client"):
        if name := re.search(rb'name="([^"]+)"', attributes):
            target = folder / name[1].decode()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content[:-1] if b"nonewline" in attributes else content)
    before = _files(folder)
    with _server(folder, port, case.number, _part(prepared, "servercmd", "reply")):
        code, output = _curl(prepared, folder, proxy)
    written = {name: content for name, content in _files(folder).items() if before.get(name) != content}
    if _SHOWS_HEADS.search(_part(prepared, "command", "client").decode("latin-1")):
        output, written = _plain_heads(output), {name: _plain_heads(content) for name, content in written.items()}
    asked = next((file.read_bytes() for file in sorted(log.glob("server*.input"))), b"")
    named = _part(prepared, "errorcode", "verify").decode().replace(",", " ").split() or ["0"]
    return Outcome(code, str(code) in named, {"-": output, **written}, _without_hops(asked))


def _curl(prepared: bytes, folder: Path, proxy: str) -> tuple[int, bytes]:
    command = _part(prepared, "command", "client").decode("latin-1").strip().replace("\n", " ")
    stdin = _part(prepared, "stdin", "client")
    if b"nonewline" in _attributes(prepared, "stdin", "client"):
        stdin = stdin[:-1]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HOME": str(folder), "LC_ALL": "C.UTF-8"} | ({"http_proxy": proxy} if proxy else {})
    for line in _part(prepared, "setenv", "client").decode("latin-1").splitlines():
        name, _, value = line.strip().partition("=")
        environment[name] = value
    with subprocess.Popen(
        ["sh", "-c", f"exec curl -sS {command}".encode("latin-1")],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(stdin, SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return HUNG, process.communicate()[0]
    return process.returncode, output


@contextlib.contextmanager
def _server(folder: Path, port: int, number: int, command: bytes) -> Iterator[None]:
    """Run curl's test server. A fresh one for each transfer, since it remembers what it was asked before."""
    (folder / "log" / "server" / "server.cmd").write_bytes(b"Testnum %d\n%s" % (number, command))
    ready = folder / "log" / "server" / "port"
    options = ["--pidfile", "log/server/pid", "--portfile", str(ready), "--logfile", "log/server/log"]
    options += ["--cmdfile", "log/server/server.cmd", *(["--logdir", "log"] if _has_logdir() else [])]
    with subprocess.Popen(
        [str(SWS), "--port", str(port), *options, "--ipv4", "--srcdir", str(SOURCE / "tests")],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until = time.monotonic() + _START_SECONDS
            while not ready.exists() or not ready.stat().st_size:
                if process.poll() is not None or time.monotonic() > until:
                    raise PortTakenError
                time.sleep(0.005)
            yield
        finally:
            process.kill()


@cache
def _has_logdir() -> bool:
    """Whether this version of the server takes the folder of its logs as an option (8.2 and newer)."""
    usage = subprocess.run([str(SWS), "--help"], capture_output=True, check=False)
    return b"--logdir" in usage.stdout


def _has(feature: str) -> bool:
    return _OTHER_NAMES.get(feature, feature) in curl_version()[1]


def _prepared(case: Case, port: int, folder: Path) -> bytes:
    """The text as curl's test program hands it to the server: conditions decided, variables and line ends put in."""
    values = {
        "HTTPPORT": str(port),
        "HOSTIP": "127.0.0.1",
        "CLIENTIP": "127.0.0.1",
        "TESTNUMBER": str(case.number),
        "VERSION": curl_version()[0],
        "FILE_PWD": str(folder),
        "PWD": str(folder),
        "POSIX_PWD": str(folder),
        "SRCDIR": str(SOURCE / "tests"),
        "LOGDIR": "log",
        "H2CVER": "h2c",
        "FTPTIME2": "4",
        "FTPTIME3": "6",
        "CURL": "curl",
        "USER": "user",
        "CR": "\r",
        "TAB": "\t",
        "SP": " ",
    }
    names = re.compile(b"%(" + "|".join(sorted(values, key=len, reverse=True)).encode() + b")(?![a-z])")
    out, shown, crlf, after_head = [], True, "", False
    for line in case.text.splitlines(keepends=True):
        if condition := re.match(rb" *%if (!?)(\S+)", line):
            shown = _has(condition[2].decode().lower()) != bool(condition[1])
            continue
        if re.match(rb" *%else", line):
            shown = not shown
            continue
        if re.match(rb" *%endif", line):
            shown = True
            continue
        if not shown:
            continue
        if section := re.match(rb" *<(?:data|connect)\w*([^>]*)>", line):
            crlf = next((kind for kind in ("headers", "yes") if f'crlf="{kind}"'.encode() in section[1]), "")
        elif re.match(rb" *</(?:data|connect)", line):
            crlf = ""
        line = _decoded(names.sub(lambda found: values[found[1].decode()].encode(), line))
        if crlf:
            line, after_head = _with_crlf(line, after_head)
        out.append(line)
    return b"".join(out)


def _decoded(line: bytes) -> bytes:
    """Carry out `%b64[…]b64%`, `%hex[…]hex%` and `%repeat[N x …]%`."""

    def raw(text: bytes) -> bytes:
        return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes((int(found[1], 16),)), text)

    line = re.sub(rb"%b64\[(.*?)\]b64%", lambda found: base64.b64encode(raw(found[1])), line)
    line = re.sub(rb"%hex\[(.*?)\]hex%", lambda found: raw(found[1]), line, flags=re.DOTALL)
    return re.sub(rb"%repeat\[(\d+) x (.*?)\]%", lambda found: raw(found[2]) * int(found[1]), line)


def _with_crlf(line: bytes, after_head: bool) -> tuple[bytes, bool]:
    """The line with CRLF if it looks like one of a head, and whether it does."""
    in_head = re.match(rb"HTTP/(?:1\.1|1\.0|2|3) [1-5][^\r]*\Z|[A-Za-z0-9_-]+: [^\r]*\Z", line, re.DOTALL)
    if in_head:
        return line.rstrip(b"\r\n") + b"\r\n", True
    return (b"\r\n" if after_head and line == b"\n" else line), False


def _parts(text: bytes, tag: str, section: str) -> list[tuple[bytes, bytes]]:
    """Attributes and contents of all elements of this name in a section."""
    of_section = re.search(_TAG % (section.encode(), section.encode()), text, re.DOTALL | re.MULTILINE)
    if of_section is None:
        return []
    pattern = re.compile(_TAG % ((b"(?:%s)" % tag.encode(),) * 2), re.DOTALL | re.MULTILINE)
    return [(found[1], found[2]) for found in pattern.finditer(of_section[2])]


def _part(text: bytes, tag: str, section: str) -> bytes:
    return b"".join(content for _, content in _parts(text, tag, section))


def _attributes(text: bytes, tag: str, section: str) -> bytes:
    return b"".join(attributes for attributes, _ in _parts(text, tag, section))


def _files(folder: Path) -> dict[str, bytes]:
    """All files but those of the server, by name."""
    log = folder / "log"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and log / "server" not in file.parents and not file.name.startswith(("server", "test"))
    }


_HOP = re.compile(
    rb"^(?:Proxy-[A-Za-z-]+|Connection|Keep-Alive|T(?:E|ransfer-Encoding)|Upgrade|HTTP2-Settings)[ \t]*:[^\n]*\n",
    re.MULTILINE | re.IGNORECASE,
)
"""Fields between curl and the proxy, or between the proxy and the server."""
_RANDOM = re.compile(rb'(?:(?<=-{20})-*|(?<=cnonce=")|(?<=response=")|(?<=boundary=))[^";\r\n ]+')
"""Boundaries of forms, and what Digest draws by lot."""
_HEAD = re.compile(rb"^HTTP/[0-9.]+ [^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n?", re.MULTILINE)


def _without_hops(requests: bytes) -> bytes:
    plain = _RANDOM.sub(b"*", _HOP.sub(b"", requests)).replace(b"[DISCONNECT]\n", b"")
    return re.sub(rb"[ \t]+(?=\r\n)", b"", plain)


def _plain_heads(output: bytes) -> bytes:
    """The same with the heads in it as a proxy may leave them: RFC 9112 lets it drop, join and trim, not change."""

    def plain(found: re.Match[bytes]) -> bytes:
        unfolded = re.sub(rb"\r?\n[ \t]+", b" ", found[0])
        lines = [line.rstrip() for line in _HOP.sub(b"", unfolded).split(b"\n")]
        return b"\n".join(re.sub(rb"^([^\s:]+)[ \t]*:[ \t]*", rb"\1: ", line) for line in lines)

    return _HEAD.sub(plain, output)
