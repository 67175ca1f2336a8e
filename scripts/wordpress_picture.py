"""Makes the picture of the WordPress plugin's settings (docs/images/wordpress-settings.png), in a real WordPress.

`python -m scripts.wordpress_picture`, after scripts/install-wordpress.sh.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from freespan.browsers import launch
from tests.wordpress import installation, pages

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "wordpress-settings.png"
HOST = "https://bridge.example.org/garden-7Fq2/"


async def main() -> None:
    """Install WordPress and the plugin, and show its settings to an administrator."""
    with installation.running() as site:
        async with launch("chromium", width=1000, height=1100) as browser:
            page = await browser.open("about:blank")
            await pages.install(page, site)
            site.install_plugin()
            site.set(host=HOST, everywhere="floating", layout="card")
            await pages.log_in(page, site)
            await page.navigate(site.url + pages.SETTINGS)
            await page.screenshot(PICTURE)


if __name__ == "__main__":
    asyncio.run(main())
