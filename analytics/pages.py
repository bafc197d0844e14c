"""The HTML page and its files, read once at start."""

from collections.abc import Awaitable, Callable
from importlib import resources

from aiohttp import web

_FILES = {
    "/": ("index.html", "text/html"),
    "/assets/app.js": ("app.js", "text/javascript"),
    "/assets/style.css": ("style.css", "text/css"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}


def add_pages(app: web.Application) -> None:
    """Serve the page."""
    folder = resources.files("tallygate.analytics.web")
    for path, (name, content_type) in _FILES.items():
        app.router.add_get(path, _page(folder.joinpath(name).read_text("utf-8"), content_type))


def _page(text: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type)

    return page
