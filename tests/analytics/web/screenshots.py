"""`make screenshots`: a picture of each page in docs/screenshots, over a month of made-up calls."""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import aiohttp
from aiohttp.test_utils import BaseTestServer, TestServer
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tallygate.control.later import LaterStore
from tallygate.control.open import open_store
from tallygate.infra.api import application
from tallygate.runtime.config import Settings
from tests.analytics.web.conftest import CHROMIUM, PHONE
from tests.analytics.web.month import month
from tests.support.api import stored

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
PICTURES = {
    "overview": "/?range=30d",
    "requests": "/requests?range=30d&col=Team",
    "sessions": "/sessions?range=7d",
    "users": "/users?range=30d",
    "properties": "/properties?range=30d&name=Feature",
    "workflows": "/properties?range=30d&view=workflows",
    "models": "/models?range=30d",
    "cache": "/cache?range=30d",
    "limits": "/limits?range=24h",
    "sql": "/sql",
    "settings": "/settings",
}


class Look(NamedTuple):
    """How a page is looked at."""

    suffix: str
    scheme: Literal["light", "dark"]
    size: ViewportSize


SMALL: ViewportSize = {"width": 1200, "height": 560}
"""A picture of it has less than 150 KB."""
LOOKS = (Look("", "light", SMALL), Look("-dark", "dark", SMALL), Look("-phone", "light", PHONE))
OPENED = {"request": "/requests?range=30d", "session": "/sessions?range=7d"}
"""Pages whose first row is opened."""


async def main() -> None:
    """Take them all."""
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: on Debian, apt-get install chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        target = stored(list(month(datetime.now(UTC))))
        app = application(settings, target, LaterStore(lambda: open_store(settings)))
        async with TestServer(app) as server, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            await _prepared(server)
            await _taken(browser, str(server.make_url("")))
            await browser.close()


async def _prepared(server: BaseTestServer) -> None:
    """Something to see in the settings."""
    base = server.make_url("/api/v1/admin/")
    made = (
        ("projects", {"id": "search", "name": "Search"}),
        ("keys", {"project": "search", "name": "ci", "models": ["gpt-5*"], "rate_limits": ["100;w=60"]}),
    )
    async with aiohttp.ClientSession() as session:
        for path, body in made:
            async with session.post(base.with_path(base.path + path), json=body) as answer:
                answer.raise_for_status()


async def _taken(browser: Browser, base: str) -> None:
    only = set(sys.argv[1:])
    for name, path in (PICTURES | OPENED).items():
        if only and name not in only:
            continue
        for look in LOOKS if name in {"overview", "requests"} else LOOKS[:1]:
            page = await browser.new_page(base_url=base, viewport=look.size, color_scheme=look.scheme)
            await _shown(page, name, path)
            await page.screenshot(path=FOLDER / f"{name}{look.suffix}.png", animations="disabled")
            await page.close()


async def _shown(page: Page, name: str, path: str) -> None:
    await page.goto(path)
    await page.locator("main .panel, main .tiles").first.wait_for()
    await page.get_by_role("status", name="Loading").wait_for(state="hidden")
    if name in OPENED:
        await page.locator("tbody tr").first.click()
        await page.locator("dialog .message, main .step").first.wait_for()
    if name == "sql":
        await page.get_by_role("button", name="Run", exact=True).click()
        await page.get_by_role("button", name="Chart").click()
    await page.wait_for_timeout(400)  # charts are drawn in the frames after their data


if __name__ == "__main__":
    asyncio.run(main())
