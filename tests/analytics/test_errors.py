"""Errors of the query API."""

from tallygate.analytics.errors import RequestError


def test_bytes_that_are_no_text_are_marked() -> None:
    """aiohttp hands such bytes of a header over as lone surrogates."""
    error = RequestError(403, "origin_not_allowed", "pages of \udcfc\udc85 é", param="\udcff")
    assert error.body.error.message == str(error) == "pages of ?? é"
    assert '"param":"?"' in error.body.model_dump_json()
