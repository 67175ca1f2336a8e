"""What is made of curl's test data before it is used; the data itself is not needed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import curl_suite
from tests.programs.curl_suite import Case, NotForUsError

CASE = b"""<testcase>
<reply>
<data crlf="yes">
HTTP/1.1 200 OK
Server: %HOSTIP:%HTTPPORT

one%repeat[3 x %20a]% %hex[%01%ff]hex% %b64[a%62]b64%
</data>
</reply>
<client>
<server>
http
</server>
<command>
http://%HOSTIP:%HTTPPORT/%TESTNUMBER%SUFFIX
%if http2
--http2
%else
-0
%endif
</command>
</client>
</testcase>
"""


@pytest.fixture(autouse=True)
def known_curl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curl_suite, "curl_version", lambda: ("8.0.0", frozenset({"http2", "ntlm"})))


def test_a_case_is_prepared_as_curl_does_it() -> None:
    prepared = curl_suite._prepared(Case(7, "", CASE), 8080, Path("/x"))
    assert b"HTTP/1.1 200 OK\r\nServer: 127.0.0.1:8080\r\n\r\none a a a \x01\xff YWI=\n" in prepared
    assert b"http://127.0.0.1:8080/7%SUFFIX\n--http2\n</command>" in prepared


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<server>\nhttp\n", b"<server>\nhttp\nhttps\n"),
        (b"<command>\n", b"<command>\n--proxy http://127.0.0.1 "),
        (b"<command>\n", b"<command>\n--noproxy x "),
        (b"<command>\n", b"<command>\n-x 127.0.0.1:1 "),
        (b"<command>\n", b"<command>\nftp://127.0.0.1/ "),
        (b"<command>\n", b"<features>\ndebug\n</features>\n<command>\n"),
        (b"<command>\n", b"<features>\n!NTLM\n</features>\n<command>\n"),
        (b"<command>\n", b"<tool>\nlib500\n</tool>\n<command>\n"),
        (b"<command>\n", b"<setenv>\nhttp_proxy=x\n</setenv>\n<command>\n"),
    ],
)
def test_a_case_that_needs_more_than_a_plain_server_is_left_out(before: bytes, after: bytes) -> None:
    assert curl_suite.fitting(7, CASE).number == 7
    with pytest.raises(NotForUsError):
        curl_suite.fitting(7, CASE.replace(before, after))


def test_heads_may_be_written_anew_but_not_changed() -> None:
    head = b"HTTP/1.1 200 OK\r\nA:  1\r\nConnection: close\r\nB: 2\r\n  3\r\n\r\nbody: x  \n"
    assert curl_suite._plain_heads(head) == curl_suite._plain_heads(
        b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2 3\r\n\r\nbody: x  \n"
    )
    assert curl_suite._plain_heads(head) != curl_suite._plain_heads(head.replace(b"A:  1", b"A: 2"))
    assert curl_suite._plain_heads(head).endswith(b"body: x  \n")
