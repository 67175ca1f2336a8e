"""The npm package of the switch: it can be imported, and helps through the host that it names."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from freespan.browsers import Browser
from freespan.browsers.switch import turn_on
from tests.web.fakes import FakeHost, FakeSite, served

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parent.parent.parent
NAME = "freespan-switch"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package") / "switch"
    subprocess.run([sys.executable, "scripts/make_switch_package.py", folder], cwd=ROOT, check=True, timeout=60)
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest_asyncio.fixture(loop_scope="session")
async def site(package: Path) -> AsyncIterator[FakeSite]:
    """A site that has the package among its own files."""

    class Site(FakeSite):
        def application(self) -> web.Application:
            application = super().application()
            application.router.add_static("/package/", package)
            return application

    site = Site()
    async with served(site):
        exports = json.loads((package / "package.json").read_text("utf-8"))["exports"]
        names = {f"{NAME}{entry[1:]}": f"/package{file[1:]}" for entry, file in exports.items()}
        site.page = f'<script type="importmap">{json.dumps({"imports": names})}</script>'
        yield site


async def test_the_element_of_the_package_helps_through_the_host_that_it_names(
    browser: Browser, host: FakeHost, site: FakeSite
) -> None:
    site.page += f"""<freespan-switch host="{host.url}" lang="de"></freespan-switch>
        <script type="module">import "{NAME}";</script>"""
    page = await browser.open(site.url)
    try:
        await turn_on(page)
        await host.bridge()
        await page.wait_for("document.querySelector('freespan-switch').getAttribute('state') === 'waiting'")
    finally:
        await page.close()


async def test_the_headless_switch_of_the_package_helps_too(browser: Browser, host: FakeHost, site: FakeSite) -> None:
    page = await browser.open(site.url)
    try:
        await page.evaluate(f"""import("{NAME}/headless").then(({{ HeadlessSwitch }}) => {{
            window.freespan = new HeadlessSwitch({{ host: "{host.url}/", remember: false }});
            freespan.start();
            return 0;
        }})""")
        await host.bridge()
        await page.wait_for("freespan.status.state === 'waiting'")
        await page.evaluate("(freespan.stop(), 0)")
    finally:
        await page.close()


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
async def test_npm_packs_all_of_it(package: Path) -> None:
    command = ["npm", "pack", "--dry-run", "--json", "--offline"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=package, capture_output=True, timeout=60, check=True)
    packed = {file["path"] for file in json.loads(done.stdout)[0]["files"]}
    assert packed == files_in(package)
    assert {"switch.js", "headless.js", "languages/my.json", "languages/about/en.json", "LICENSE"} <= packed
