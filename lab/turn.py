"""The host's TURN server: coturn, with its settings in one file of the lab's folder.

It writes nothing outside that folder, uses no database of the machine, opens no control port, and ends with the lab.
Credentials are short-lived: a user name is its time of expiry, and the password an HMAC of that with a secret that the
host shares with coturn (`use-auth-secret`).

`python -m lab.turn ADDRESS SETTINGS` runs it until it is stopped, and prints an event when it listens.
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
"""UDP and TCP use the first port; TLS uses the second one, which strict networks allow."""
_PROGRAM = "turnserver"
_POLL_SECONDS = 0.02
_SECRET_BYTES = 32

# An attribute SOFTWARE would name the program in every packet.
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
    """Return whether coturn is installed."""
    return shutil.which(_PROGRAM) is not None


def secret_file(folder: Path) -> Path:
    """Return the file with the secret that host and coturn share; it is created when first asked for."""
    file = folder / "turn-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(_SECRET_BYTES) + "\n")
    return file


def write_settings(folder: Path, addresses: Sequence[str], realm: str, pem: Path) -> Path:
    """Write coturn's settings; returns their file.

    Args:
        folder: for this file and all others.
        addresses: at which it listens, and from which it relays.
        realm: the name in its packets.
        pem: key and certificate.

    Raises:
        DemoError: coturn is not installed.
    """
    if not is_installed():
        raise DemoError("coturn is not installed: run scripts/install-lab.sh")
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
