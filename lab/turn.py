"""coturn as the host's relay: its settings, all of them in one file of the lab's folder, and the process around it.

It keeps nothing outside that folder, asks no database of the machine, opens no control port, and dies with the lab.
Credentials are short-lived: a user name is the time until which it is good, its password an HMAC of that under a
secret which the host shares with coturn (`use-auth-secret`).

`python -m lab.turn ADDRESS SETTINGS` runs it until it is told to stop, and says when it listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from freespan.cli.running import run_until_stopped
from freespan.demo.errors import DemoError

PORT, TLS_PORT = 3478, 443
"""UDP and TCP at the first one; TLS at the second one, which strict networks let out."""
_PROGRAM = "turnserver"
_POLL_SECONDS = 0.02
_SECRET_BYTES = 32

# `software` would tell every reader of its packets the name of the program
_SETTINGS = """
{addresses}
listening-port={port}
tls-listening-port={tls_port}
min-port=20000
max-port=29999
realm={realm}
use-auth-secret
static-auth-secret={secret}
cert={pem}
pkey={pem}
no-software-attribute
no-rfc5780
no-stun-backward-compatibility
no-tlsv1
no-tlsv1_1
no-dtls
no-cli
no-tcp-relay
no-multicast-peers
relay-threads=1
userdb={folder}/turn.sqlite
pidfile={folder}/turn.pid
log-file={folder}/turn.log
simple-log
no-stdout-log
proc-user=root
proc-group=root
"""


def is_installed() -> bool:
    """Whether coturn is here."""
    return shutil.which(_PROGRAM) is not None


def secret_file(folder: Path) -> Path:
    """The file with the secret that the host and coturn share; made when first asked for."""
    file = folder / "turn-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(_SECRET_BYTES) + "\n")
    return file


def write_settings(folder: Path, addresses: Sequence[str], realm: str, pem: Path) -> Path:
    """Write coturn's settings; returns their file. Raises `DemoError` where coturn is not installed.

    Args:
        folder: for this file and all others.
        addresses: its own ones, for those who ask it and for what it relays.
        realm: a name that everybody reads in its packets.
        pem: key and certificate.
    """
    if not is_installed():
        raise DemoError("coturn, which relays for the lab, is missing: run scripts/install-lab.sh")
    file = folder / "turnserver.conf"
    file.touch(mode=0o600)
    file.write_text(
        _SETTINGS.format(
            addresses="\n".join(f"listening-ip={each}\nrelay-ip={each}" for each in addresses),
            port=PORT,
            tls_port=TLS_PORT,
            realm=realm,
            secret=secret_file(folder).read_text().strip(),
            pem=pem,
            folder=folder,
        )
    )
    return file


async def _run(address: str, settings: str) -> None:
    process = await asyncio.create_subprocess_exec("setpriv", "--pdeathsig", "KILL", _PROGRAM, "-c", settings)
    try:
        while process.returncode is None and not await _listens(address):
            await asyncio.sleep(_POLL_SECONDS)
        if process.returncode is None:
            print(json.dumps({"event": "ready"}), flush=True)
        await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listens(address: str) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, PORT)
    except OSError:
        return False
    writer.close()
    return True


if __name__ == "__main__":
    run_until_stopped(_run(sys.argv[1], sys.argv[2]), verbose=False)
