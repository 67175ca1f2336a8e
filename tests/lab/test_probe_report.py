"""Active probing of the host finds an ordinary site."""

import pytest

from lab.probe_report import report_probes


async def test_a_host_looks_like_an_ordinary_site(real_network: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert await report_probes() == 0
    output = capsys.readouterr().out
    assert "identifies the host" not in output
    assert '"alpn": "http/1.1"' in output
