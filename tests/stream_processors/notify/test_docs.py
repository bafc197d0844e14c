"""What docs/webhooks.md says of receiving is true."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tallygate.schemas.deliveries import MAX_BODY_CHARS
from tallygate.schemas.generate import JSON_DIR
from tallygate.stream_processors.notify.schedule import DELAYS_S
from tallygate.stream_processors.notify.signature import signed_headers

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type": "alert.firing"}'


def functions() -> dict[str, Any]:
    """Those of the page's Python."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, found)
    return found


def test_the_python_examples_verify() -> None:
    receive: Callable[..., Any] = functions()["receive"]
    is_genuine: Callable[..., bool] = functions()["is_genuine"]
    headers = signed_headers("dlv_1", int(time.time()), BODY, [SECRET, "whsec_" + "QUFB" * 8])
    assert receive(BODY, headers, SECRET)["type"] == "alert.firing"
    assert is_genuine(BODY, headers, SECRET)
    assert not is_genuine(BODY + b" ", headers, SECRET)
    assert not is_genuine(BODY, headers, "whsec_" + "QkJC" * 8)
    old = signed_headers("dlv_1", int(time.time()) - 1000, BODY, [SECRET])
    assert not is_genuine(BODY, old, SECRET)


def test_the_schedule_and_the_schemas_are_those_of_the_page() -> None:
    assert "after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 6 h" in PAGE
    assert DELAYS_S == (5, 300, 1800, 7200, 18_000, 36_000, 21_600)
    for name in re.findall(r"schemas/json/(\w+\.v1\.schema\.json)", PAGE):
        assert (JSON_DIR / name).is_file()
    assert f"{MAX_BODY_CHARS:,}".replace(",", " ") in PAGE
