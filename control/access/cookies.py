"""The cookie of a session, and the one that lives while somebody is at the identity provider."""

from dataclasses import dataclass

from aiohttp import web

SESSION = "tallygate-session"
FLOW = "tallygate-sign-in"


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets and reads them. Scripts never see them, and no other site's form or picture sends them."""

    secure: bool
    """Whether browsers come by https. If so the names have a prefix by which browsers know that neither
    another host of the domain nor an unencrypted answer may set them."""

    def name(self, base: str) -> str:
        """The cookie's name."""
        return f"__Host-{base}" if self.secure else base

    def read(self, request: web.Request, base: str) -> str | None:
        """What the browser has shown."""
        return request.cookies.get(self.name(base)) or None

    def set(self, response: web.StreamResponse, base: str, value: str, max_age_s: int) -> None:
        """Give the browser a cookie."""
        response.set_cookie(
            self.name(base),
            value,
            max_age=max_age_s,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    def clear(self, response: web.StreamResponse, base: str) -> None:
        """Take it away again."""
        response.del_cookie(self.name(base), path="/", secure=self.secure, httponly=True, samesite="Lax")
