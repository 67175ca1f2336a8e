"""A volunteer with a real browser: opens a page, clicks its switch, and stays; says so in lines of JSON.

It runs inside the volunteer's node, as the browser does, because the browser's control port is on that node's loopback.
A browser takes the system's certificates and besides these only the ones that it is handed here.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import shlex
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from freespan.browsers import Browser, find_browsers
from freespan.browsers.chromium import launch_chromium
from freespan.browsers.firefox import launch_firefox
from freespan.browsers.switch import turn_on
from freespan.cli.running import run_until_stopped
from freespan.demo.errors import DemoError

START_SECONDS = 60.0
BROWSERS = ("chromium", "firefox")
_SWITCH = 'document.querySelector("freespan-switch")'

# a profile's own exceptions, as a click on "accept the risk" leaves them
_EXCEPTIONS = """#!/bin/sh
for word; do [ "${{before-}}" = --profile ] && cp {exceptions} "$word/cert_override.txt"; before=$word; done
exec {program} "$@"
"""
_TRUSTED_KEYS = """#!/bin/sh
exec {program} --ignore-certificate-errors-spki-list={keys} "$@"
"""


@contextlib.asynccontextmanager
async def browsing(kind: str, trusted: Sequence[Path]) -> AsyncIterator[Browser]:
    """Have a browser of one of BROWSERS for the length of the block, which takes the certificates in `trusted`.

    Each file is called as the name that it is for, and `.pem`. Raises `DemoError` where there is no such browser.
    """
    program = find_browsers().get(kind)
    if program is None:
        raise DemoError(f"no {kind} here: run scripts/install-browsers.sh")
    launch = launch_chromium if kind == "chromium" else launch_firefox
    with tempfile.TemporaryDirectory(prefix="freespan-lab-") as folder:
        browser = await launch(_trusting(kind, program, Path(folder), trusted), 1000, 800, dark=False)
        try:
            yield browser
        finally:
            await browser.close()


async def _help(kind: str, url: str, trusted: Sequence[Path]) -> None:
    async with browsing(kind, trusted) as browser:
        async with asyncio.timeout(START_SECONDS):
            page = await browser.open(url)
            await turn_on(page)
        state = ""
        while True:
            now = await page.evaluate(f'{_SWITCH}.getAttribute("state")')
            if now != state:
                state = str(now)
                print(json.dumps({"event": "state", "state": state}), flush=True)
            await asyncio.sleep(0.1)


def _trusting(kind: str, program: Path, folder: Path, trusted: Sequence[Path]) -> Path:
    """A script that starts the browser so that it takes these certificates too."""
    script = folder / kind
    certificates = {file.stem: x509.load_pem_x509_certificate(file.read_bytes()) for file in trusted}
    if kind == "chromium":
        keys = ",".join(map(_key_hash, certificates.values()))
        script.write_text(_TRUSTED_KEYS.format(program=shlex.quote(str(program)), keys=keys))
    else:
        exceptions = folder / "cert_override.txt"
        exceptions.write_text("".join(_exception(*each) for each in certificates.items()))
        script.write_text(
            _EXCEPTIONS.format(program=shlex.quote(str(program)), exceptions=shlex.quote(str(exceptions)))
        )
    script.chmod(0o700)
    return script


def _key_hash(certificate: x509.Certificate) -> str:
    """SHA-256 of a public key, in base64."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def _exception(name: str, certificate: x509.Certificate) -> str:
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return f"{name}:443:\tOID.2.16.840.1.101.3.4.2.1\t{fingerprint}\t\n"


def main() -> None:
    """`python -m lab.window BROWSER URL FILE…`; the files are certificates."""
    parser = argparse.ArgumentParser(prog="lab.window")
    parser.add_argument("browser", choices=BROWSERS)
    parser.add_argument("url")
    parser.add_argument("trusted", nargs="*", type=Path)
    given = parser.parse_args()
    run_until_stopped(_help(given.browser, given.url, given.trusted), verbose=False)


if __name__ == "__main__":
    main()
