"""The page and its files, read once at start. No build step: what is in `web/` is what browsers get."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

from tallygate.control.access.needs import Need, needs

PATHS = (
    "/",
    "/requests",
    "/sessions",
    "/users",
    "/properties",
    "/models",
    "/cache",
    "/limits",
    "/sql",
    "/alerts",
    "/settings",
)
"""Addresses of views: the script shows the one that the address names."""
SIGN_IN = "/sign-in"
"""Where the identity provider's answer leads if it lets nobody in; any other address asks to sign in, too."""
_TYPES = {".js": "text/javascript", ".css": "text/css"}


def add_pages(app: web.Application) -> None:
    """Serve the page at each view's address, and its files below `/assets`."""
    folder = resources.files("tallygate.analytics.web")
    index = _file(folder.joinpath("index.html"), "text/html")
    for path in (*PATHS, SIGN_IN):
        app.router.add_get(path, index)
    app.router.add_get("/favicon.svg", _file(folder.joinpath("favicon.svg"), "image/svg+xml"))
    for path, file, content_type in _assets(folder, "/assets"):
        app.router.add_get(path, _file(file, content_type))


def _assets(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable, str]]:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        content_type = _TYPES.get(entry.name[entry.name.rfind(".") :])
        if entry.is_dir():
            yield from _assets(entry, path)
        elif content_type is not None:
            yield path, entry, content_type


def _file(file: Traversable, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = file.read_text("utf-8")
    tag = hashlib.sha256(text.encode()).hexdigest()[:16]
    # Asked again each time, sent again only if it changed: a page is never put together from two releases.
    headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"'}

    @needs(Need.NOTHING)
    async def page(request: web.Request) -> web.Response:
        if any(etag.value == tag for etag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type=content_type, headers=headers)

    return page
