"""Attacks on a host of this machine, and what an honest reader notices of them: `python -m bench flood`.

    attacker ── raw sockets, many addresses of 127.0.0.0/8 ──▶ host (one core of its own, its event loop watched)
    reader ──── local proxy, client, bridge ─────────────────▶ the same host

Everything stays on loopback, and each attack stops by itself.
"""
