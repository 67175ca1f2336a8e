"""Names of files that nobody has to be afraid of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.cli.file_names import fit_name, name_in_header, name_in_url, shortened
from freespan.terminal.text import one_line

IN_URLS = {
    "/": "index.html",
    "/?file=x": "index.html",
    "/a/page.html?x=1": "page.html",
    "/folder/": "folder",
    "/with%20blank": "with blank",
    "/%D0%BC%D0%BE%D1%81%D1%82.pdf": "мост.pdf",
    "/caf%E9": "café",
    "/..%2f..%2fetc%2fpasswd": "passwd",
    "/..%5C..%5Cboot.ini": "boot.ini",
    "/a%00b.txt": "a_b.txt",
    "/x%1b%5d0;t%07.txt": "x_]0;t_.txt",
    "/photo%E2%80%AEgpj.exe": "photogpj.exe",
    "/.bashrc": "bashrc",
    "/...": "index.html",
    "/..": "index.html",
    "/name...": "name",
    "/name.%20": "name",
    "/NUL": "_NUL",
    "/con.txt": "_con.txt",
    "/Lpt1.tar.gz": "_Lpt1.tar.gz",
    "/aux%20.c": "_aux .c",
    "/console.log": "console.log",
    "/C:%5Cautoexec.bat": "autoexec.bat",
    "/a:b*c%3Fd%22e%3Cf%3Eg|h": "a_b_c_d_e_f_g_h",
    "/-": "_-",
    "/-rf": "_-rf",
    "/--output=x": "_--output=x",
}


@pytest.mark.parametrize(("path", "name"), IN_URLS.items())
def test_the_name_in_a_url(path: str, name: str) -> None:
    assert name_in_url(path) == name


IN_HEADERS = {
    b"attachment; filename=report.pdf": "report.pdf",
    b'attachment; filename="two words.pdf"': "two words.pdf",
    b'inline; FILENAME = "a.pdf" ; x=y': "a.pdf",
    b"attachment; filename=two words.pdf; size=3": "two words.pdf",
    b'attachment; filename="a\\"b;c.pdf"': "a_b;c.pdf",
    b"attachment; filename*=UTF-8''%D0%BC%D0%BE%D1%81%D1%82.pdf": "мост.pdf",
    b"attachment; filename=plain.pdf; filename*=utf-8'fa'%d9%be%d9%84.pdf": "پل.pdf",
    b"attachment; filename*=iso-8859-1''caf%E9.txt; filename=x": "café.txt",
    b"attachment; filename*=KOI8-R''%CD; filename=known.txt": "known.txt",
    b"attachment; filename*=UTF-8''; filename=known.txt": "known.txt",
    'attachment; filename="мост.pdf"'.encode(): "мост.pdf",
    b'attachment; filename="caf\xe9.pdf"': "café.pdf",
    b'attachment; filename="../../../.ssh/authorized_keys"': "authorized_keys",
    b'attachment; filename="..\\\\..\\\\evil.exe"': "evil.exe",
    b'attachment; filename="C:\\Users\\mina\\new report.pdf"': "new report.pdf",
    b'attachment; filename="\\\\server\\share\\table.xls"': "table.xls",
    b'attachment; filename="folder\\a.txt"; size=1': "a.txt",
    b'attachment; filename="-rf"': "_-rf",
    b"attachment; filename*=UTF-8''..%2F..%2Fevil%00.sh": "evil_.sh",
    b'attachment; filename=".htaccess"': "htaccess",
    b'attachment; filename="com3"': "_com3",
    b'attachment; filename="\x1b[2J.txt"': "_[2J.txt",
    b'attachment; filename="open': "open",
    b"attachment": "",
    b"filename=x": "",
    b"": "",
    b"attachment; filename=": "",
    b'attachment; filename="/"': "",
    b"attachment; filename=..": "",
    b"attachment; notfilename=x": "",
}


@pytest.mark.parametrize(("value", "name"), IN_HEADERS.items())
def test_the_name_in_a_header(value: bytes, name: str) -> None:
    assert name_in_header(value) == name


LONG = {
    "x" * 300 + ".tar": ".tar",
    "я" * 300 + ".pdf": ".pdf",
    "读" * 300: "读",
    "." + "a" * 300: "a",
    "a" * 300 + "." + "b" * 300: "a",
    "\U0001f469" * 99: "\U0001f469",
}


@pytest.mark.parametrize(("text", "ending"), LONG.items(), ids=range(len(LONG)))
def test_a_long_name_is_cut_and_keeps_its_ending(text: str, ending: str) -> None:
    name = fit_name(text)
    assert 190 < len(name.encode()) <= 200
    assert name.endswith(ending)


@given(st.text(), st.integers(30, 300))
def test_shortened(text: str, length: int) -> None:
    assert len(shortened(text.encode("utf-8", "replace").decode(), length).encode()) <= length


@given(st.one_of(st.text(), st.binary()))
def test_any_name_is_fit(text: str | bytes) -> None:
    name = name_in_header(b"attachment; filename=" + text) if isinstance(text, bytes) else fit_name(text)
    assert len(name.encode()) <= 201
    assert not set(name) & set('/\\\0<>:"|?*\x1b\u202e')
    assert one_line(name) == name
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert fit_name(name) == name
