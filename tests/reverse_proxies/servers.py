"""Real web servers in front of a host, each with a right configuration and ways to spoil it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 15.0


@dataclass(frozen=True)
class Place:
    """Where a web server is to run, and for whom."""

    folder: Path
    port: int
    upstream: int
    path: str


Configure = Callable[[Place], tuple[Path, list[str]]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(host: str, folder: Path, command: Callable[[Place], list[str]]) -> Iterator[str]:
    """Run a web server in front of a host at a URL; yields the URL of the front, with the same path."""
    folder.mkdir()
    parts = urlsplit(host)
    place = Place(folder, free_port(), parts.port or 80, parts.path)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command(place), cwd=folder, stdout=output, stderr=output)
    try:
        until = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", place.port), 1):
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{place.port}{place.path}"
    finally:
        process.terminate()
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:  # Caddy waits for connections
            process.kill()
            process.wait(SECONDS)


# --- nginx ----------------------------------------------------------------------------------------
RIGHT_NGINX = """
proxy_pass http://127.0.0.1:{upstream};
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";
proxy_buffering off;
proxy_read_timeout 120s;
"""


def nginx(inside: str = RIGHT_NGINX, more: str = "", outside: str = "") -> Callable[[Place], list[str]]:
    """nginx, with the lines of docs/hosting.md for the host's path unless others are given."""

    def command(place: Place) -> list[str]:
        lines = f"{inside}{more}".replace("{upstream}", str(place.upstream)).replace("{path}", place.path)
        (place.folder / "nginx.conf").write_text(
            f"""
daemon off; master_process off; pid {place.folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {place.folder}/body; proxy_temp_path {place.folder}/proxy;
    fastcgi_temp_path {place.folder}/f; uwsgi_temp_path {place.folder}/u; scgi_temp_path {place.folder}/s;
    {outside.replace("{folder}", str(place.folder))}
    server {{
        listen 127.0.0.1:{place.port};
        location {place.path}/ {{ {lines} }}
    }}
}}
"""
        )
        return ["nginx", "-c", str(place.folder / "nginx.conf"), "-p", str(place.folder)]

    return command


# --- Apache -----------------------------------------------------------------------------------------
MODULES = ["mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel", "headers", "deflate", "filter", "unixd"]
RIGHT_APACHE = 'ProxyPass "{path}/" "http://127.0.0.1:{upstream}{path}/" upgrade=websocket timeout=120'


def apache(lines: str = RIGHT_APACHE, more: str = "") -> Callable[[Place], list[str]]:
    """Apache 2.4."""

    def command(place: Place) -> list[str]:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in MODULES
            if Path(f"/usr/lib/apache2/modules/mod_{name}.so").exists()
        )
        text = f"{lines}\n{more}".replace("{upstream}", str(place.upstream)).replace("{path}", place.path)
        (place.folder / "apache.conf").write_text(
            f"""
{modules}
ServerName front.test
User www-data
Group www-data
ServerRoot {place.folder}
DocumentRoot {place.folder}
PidFile {place.folder}/pid
ErrorLog {place.folder}/error.log
Mutex posixsem
Listen 127.0.0.1:{place.port}
{text}
"""
        )
        return ["apache2", "-f", str(place.folder / "apache.conf"), "-D", "FOREGROUND"]

    return command


# --- HAProxy ----------------------------------------------------------------------------------------
RIGHT_HAPROXY = "timeout tunnel 1h"


def haproxy(more: str = RIGHT_HAPROXY, defaults: str = "") -> Callable[[Place], list[str]]:
    """HAProxy, which passes everything on unless it is told not to."""

    def command(place: Place) -> list[str]:
        text = more.replace("{path}", place.path)
        (place.folder / "haproxy.cfg").write_text(
            f"""
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
    {defaults}
listen front
    bind 127.0.0.1:{place.port}
    {text}
    server host 127.0.0.1:{place.upstream}
"""
        )
        return ["haproxy", "-db", "-f", str(place.folder / "haproxy.cfg")]

    return command


# --- Caddy ------------------------------------------------------------------------------------------
RIGHT_CADDY = "reverse_proxy 127.0.0.1:{upstream} {\nflush_interval -1\n}"


def caddy(lines: str = RIGHT_CADDY, more: str = "") -> Callable[[Place], list[str]]:
    """Caddy, which passes everything on as well."""

    def command(place: Place) -> list[str]:
        text = f"{lines}\n{more}".replace("{upstream}", str(place.upstream)).replace("{path}", place.path)
        (place.folder / "Caddyfile").write_text(
            f"{{\n admin off\n auto_https off\n storage file_system {place.folder}/store\n}}\n"
            f"http://127.0.0.1:{place.port} {{\n{text}\n}}\n"
        )
        return ["caddy", "run", "--config", str(place.folder / "Caddyfile"), "--adapter", "caddyfile"]

    return command


def is_installed(program: str) -> bool:
    return shutil.which(program) is not None
