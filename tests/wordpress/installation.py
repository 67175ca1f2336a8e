"""Debian's WordPress on loopback for the length of a block: a copy of its files, a database, PHP's own web server.

Everything is in one temporary folder and in processes that end with the block; should this process be killed, `timeout`
ends them. Nothing leaves the machine: WordPress may not ask other servers, sends no mail and runs no jobs of its own.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.wordpress_zip import PLUGIN, pack

DEBIAN = Path("/usr/share/wordpress")
DATABASE_SERVER = Path("/usr/sbin/mariadbd")
SECONDS = 60.0
"""For anything that is expected to happen."""
_LIFE_SECONDS = 900
_PASSWORD = "correct horse battery"
_WORKERS = 4
# As short as it can be: a test's database need not survive anything.
_DATABASE_OPTIONS = (
    "--no-defaults",
    "--skip-networking",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
    "--skip-log-bin",
)
_CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:%(socket)s');
define('AUTH_KEY', '%(secret)s');
define('WP_HOME', '%(url)s');
define('WP_SITEURL', '%(url)s');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('FS_METHOD', 'direct');
define('WP_DEBUG', true);
define('WP_DEBUG_LOG', '%(log)s');
define('WP_DEBUG_DISPLAY', false);
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
# Loaded with every page: no mail, and no pictures of people from elsewhere.
_QUIET = "<?php add_filter('pre_wp_mail', '__return_true'); add_filter('pre_option_show_avatars', '__return_zero');"


def why_not() -> str:
    """Why there can be no WordPress here, or nothing."""
    missing = [str(path) for path in (DEBIAN / "wp-load.php", DATABASE_SERVER) if not path.exists()]
    missing += [name for name in ("php", "mariadb-install-db", "timeout") if not shutil.which(name)]
    return f"{', '.join(missing)} is missing: scripts/install-wordpress.sh" if missing else ""


class WordPress:
    """A running site; `url` has no slash at its end."""

    PLUGIN = "freespan-switch/freespan-switch.php"

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.files = folder / "files"
        self.log = folder / "debug.log"
        self.zip = pack(folder / "freespan-switch.zip")

    def php(self, code: str) -> Any:
        """Run PHP inside WordPress, as its administrator; the value that it returns."""
        script = (
            "define('WP_ADMIN', true); require $argv[1] . '/wp-load.php';"
            "require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);"
            f'$value = (function () {{ {code} }})(); echo "\\n" . wp_json_encode($value);'
        )
        done = subprocess.run(
            ["php", "-d", "display_errors=stderr", "-r", script, str(self.files)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout.rpartition("\n")[2])

    def call(self, function: str, values: list[str]) -> Any:
        """What a function of PHP makes of each of the values."""
        return self.php(f"return array_map('{function}', {_php(values)});")

    def install_plugin(self) -> None:
        """The plugin in place and active, its settings those of a fresh installation."""
        shutil.copytree(PLUGIN, self.files / "wp-content/plugins" / PLUGIN.name, dirs_exist_ok=True)
        assert self.php(f"delete_option('freespan_switch'); return activate_plugin('{self.PLUGIN}');") is None

    def remove_plugin(self) -> None:
        """As if it had never been there."""
        self.php(f"deactivate_plugins('{self.PLUGIN}'); delete_option('freespan_switch'); return true;")
        shutil.rmtree(self.files / "wp-content/plugins" / PLUGIN.name, ignore_errors=True)

    def set(self, **settings: str) -> None:
        """Store settings of the plugin as they are, past its checks; a `_` in a name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        self.php(f"update_option('freespan_switch', {_php(named)}); return true;")

    @property
    def option(self) -> Any:
        """What is stored of the plugin; False for nothing."""
        return self.php("return get_option('freespan_switch');")

    def post(self, content: str, title: str = "A post") -> str:
        """Publish a post of the administrator; its URL."""
        post = {"post_title": title, "post_content": content, "post_status": "publish"}
        return str(self.php(f"return get_permalink(wp_insert_post(wp_slash({_php(post)}), true));"))

    def add_user(self, name: str, role: str) -> None:
        """Somebody who logs in with this name."""
        user = {"user_login": name, "user_pass": _PASSWORD, "user_email": f"{name}@example.org", "role": role}
        self.php(f"if (!username_exists('{name}')) wp_insert_user({_php(user)}); return true;")

    @property
    def password(self) -> str:
        """Everybody's."""
        return _PASSWORD

    def skip_welcome(self) -> None:
        """The editor does not greet the administrator with a tour."""
        code = """return update_user_meta(1, 'wp_persisted_preferences', [
            '_modified' => gmdate('c'), 'core/edit-post' => ['welcomeGuide' => false]]);"""
        assert self.php(code)

    def complaints(self) -> list[str]:
        """What PHP and WordPress have complained about so far in the plugin; there are others, of WordPress itself."""
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if re.search("plugins/freespan-switch|FreespanSwitch|freespan/switch", line)]


@contextlib.contextmanager
def running() -> Iterator[WordPress]:
    """A WordPress that has not been installed yet: its installer waits at /wp-admin/install.php."""
    # A short path: the name of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="freespan-wp-", dir="/tmp") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        site = stack.enter_context(_web_server(folder))
        _copy_files(folder, site)
        stack.enter_context(_database(folder))
        yield site


def _copy_files(folder: Path, site: WordPress) -> None:
    # Debian's files have links to other packages' files; a copy of those is taken as well.
    leave = shutil.ignore_patterns("wp-config.php", ".htaccess")
    shutil.copytree(DEBIAN, site.files, ignore=leave, dirs_exist_ok=True)
    quiet = site.files / "wp-content/mu-plugins/quiet.php"
    quiet.parent.mkdir()
    quiet.write_text(_QUIET)
    values = {"socket": folder / "db.sock", "secret": secrets.token_hex(), "url": site.url, "log": site.log}
    (site.files / "wp-config.php").write_text(_CONFIG % values)


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[None]:
    data, place = folder / "db", folder / "db.sock"
    user = getpass.getuser()
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            f"--user={user}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
    first = folder / "first.sql"
    first.write_text("CREATE DATABASE wordpress;")
    line = [str(DATABASE_SERVER), *_DATABASE_OPTIONS, f"--datadir={data}", f"--socket={place}", f"--user={user}"]
    line += [f"--pid-file={folder / 'db.pid'}", f"--init-file={first}"]
    with (folder / "db.log").open("wb") as log, _process(line, log) as process:
        deadline = time.monotonic() + SECONDS
        while not _answers(place):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no database: {(folder / 'db.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield


@contextlib.contextmanager
def _web_server(folder: Path) -> Iterator[WordPress]:
    files = folder / "files"
    files.mkdir()
    settings = ["-d", "opcache.enable_cli=1", "-d", "sendmail_path=/bin/true", "-d", "upload_max_filesize=8M"]
    line = ["php", *settings, "-S", "127.0.0.1:0", "-t", str(files)]
    read, write = os.pipe()
    with os.fdopen(read, encoding="utf-8", errors="replace") as words, os.fdopen(write, "wb") as log:
        with _process(line, log, {"PHP_CLI_SERVER_WORKERS": str(_WORKERS)}):
            log.close()
            started = next(filter(None, (re.search(r"\(http://127\.0\.0\.1:(\d+)\) started", line) for line in words)))
            # It writes a line for each request, and would stop if nobody read them.
            reader = threading.Thread(target=lambda: [None for _ in words], daemon=True)
            reader.start()
            yield WordPress(folder, int(started[1]))
        reader.join(SECONDS)


@contextlib.contextmanager
def _process(line: list[str], log: Any, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["timeout", "--kill-after=5", str(_LIFE_SECONDS), *line],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(place)) == 0


def _php(value: Any) -> str:
    """The value as an expression of PHP."""
    # In single quotes PHP knows two escapes alone, and JSON brings no raw line end.
    text = json.dumps(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"json_decode('{text}', true)"
