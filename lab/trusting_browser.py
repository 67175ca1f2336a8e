"""A browser that trusts the lab's certificates for some names, besides those that the system trusts.

It must run in the node whose network it uses, since its control port is on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shlex
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from freespan.browsers import Browser, find_browsers
from freespan.browsers.chromium import launch_chromium
from freespan.browsers.firefox import launch_firefox
from freespan.demo.errors import DemoError

BROWSERS = ("chromium", "firefox")

# The exceptions of a profile, as a click on "accept the risk" would add them.
_EXCEPTIONS = """#!/bin/sh
for argument; do
  [ "${{before-}}" = --profile ] && cp {exceptions} "$argument/cert_override.txt"
  before=$argument
done
exec {program} "$@"
"""
_TRUSTED_KEYS = """#!/bin/sh
exec {program} --ignore-certificate-errors-spki-list={keys} "$@"
"""


@contextlib.asynccontextmanager
async def running_browser(kind: str, trusted: Sequence[Path]) -> AsyncIterator[Browser]:
    """Run a browser for the length of the block.

    Args:
        kind: one of BROWSERS.
        trusted: certificates to trust; the file for the name `host.example` is called `host.example.pem`.

    Raises:
        DemoError: the browser is not installed.
    """
    program = find_browsers().get(kind)
    if program is None:
        raise DemoError(f"{kind} is not installed: run scripts/install-browsers.sh")
    launch = launch_chromium if kind == "chromium" else launch_firefox
    with tempfile.TemporaryDirectory(prefix="freespan-lab-") as folder:
        browser = await launch(_trusting(kind, program, Path(folder), trusted), 1000, 800, dark=False)
        try:
            yield browser
        finally:
            await browser.close()


def _trusting(kind: str, program: Path, folder: Path, trusted: Sequence[Path]) -> Path:
    """Return a script that starts the browser so that it trusts these certificates as well."""
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
    """Return the SHA-256 of a public key, in base64."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def _exception(name: str, certificate: x509.Certificate) -> str:
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return f"{name}:443:\tOID.2.16.840.1.101.3.4.2.1\t{fingerprint}\t\n"
