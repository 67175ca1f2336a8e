"""What the lab needs of the machine, and how it runs the tools that configure networks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError

TOOLS = {"ip": "iproute2", "nft": "nftables", "setpriv": "util-linux"}
"""Each program, and the Debian package that contains it."""

_SECONDS = 20.0
_TRIAL = "fsl-trial"
_FEATURES = {
    "virtual Ethernet (veth)": ("ip", f"-n {_TRIAL} link add up type veth peer name down"),
    "TUN": ("ip", f"-n {_TRIAL} tuntap add dev tunnel mode tun"),
    "NAT by nftables": (
        "nft",
        "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; "
        "add rule ip t c meta l4proto udp masquerade fully-random",
    ),
    "matches on raw payload by nftables": (
        "nft",
        "add table inet t; add chain inet t c { type filter hook forward priority 0; }; "
        "add rule inet t c udp length > 60 @th,64,8 22 drop",
    ),
}


def run(program: str, *arguments: str, text: str = "") -> str:
    """Run one of TOOLS with `text` on its standard input and return its standard output.

    Raises:
        LabError: it failed; the text is the first line of its standard error.
    """
    command = [program, *arguments]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise LabError(
            f"{program} is missing; install {TOOLS.get(program, program)} (scripts/install-lab.sh)"
        ) from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{program} did not end within {_SECONDS:.0f} s") from None
    if done.returncode:
        message = next(iter(done.stderr.strip().splitlines()), f"code {done.returncode}")
        raise LabError(f"{program} {' '.join(arguments)[:120]}: {message}")
    return done.stdout


def missing_requirement(tools: Sequence[str] = tuple(TOOLS)) -> str:
    """Return one line with the reason why this machine cannot run a lab; empty if it can."""
    if not hasattr(os, "geteuid"):
        return "the lab needs Linux"
    if os.geteuid():
        return "the lab needs root: it makes network namespaces (try: sudo make lab)"
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        packages = " ".join(sorted({TOOLS[tool] for tool in missing}))
        return f"{', '.join(missing)} not found: run scripts/install-lab.sh (or: apt install {packages})"
    if not Path("/dev/net/tun").exists():
        return "/dev/net/tun is missing, which the lab's wide area links need"
    return _missing_feature()


def _missing_feature() -> str:
    """Try each feature of the kernel once, in a namespace that is removed afterwards."""
    try:
        subprocess.run(["ip", "netns", "del", _TRIAL], capture_output=True, check=False, timeout=_SECONDS)
        run("ip", "netns", "add", _TRIAL)
    except LabError as error:
        return f"the kernel or its settings do not allow network namespaces ({error})"
    try:
        for feature, (program, arguments) in _FEATURES.items():
            try:
                if program == "ip":
                    run("ip", *arguments.split())
                else:
                    run("ip", "netns", "exec", _TRIAL, "nft", arguments)
            except LabError:
                return f"the kernel lacks {feature}, or does not allow it here; the lab needs it"
    finally:
        subprocess.run(["ip", "netns", "del", _TRIAL], capture_output=True, check=False, timeout=_SECONDS)
    return ""
