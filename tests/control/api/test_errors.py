"""Errors of the admin API and of the gate, whatever they quote."""

import json

from tallygate.control.api.errors import RefusedError, told


def test_what_is_no_text_is_quoted_with_marks() -> None:
    response = told(RefusedError(403, "origin_not_allowed", "pages of \udcfc\udc85 é", "\udcff"))
    assert isinstance(response.body, bytes)
    error = json.loads(response.body)["error"]
    assert (error["message"], error["param"]) == ("pages of ?? é", "?")
