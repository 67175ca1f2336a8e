"""A censor's prober finds an ordinary site where the host is."""

import pytest

from lab import looking


async def test_a_host_looks_like_an_ordinary_site(real_network: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert await looking.look() == 0
    said = capsys.readouterr().out
    assert "gives it away" not in said
    assert '"alpn": "http/1.1"' in said
