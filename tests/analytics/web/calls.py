"""Calls through the gateway that give each page something to show."""

from typing import Any

import httpx2

from tests.end_to_end.stack import Gateway
from tests.support.wait import eventually_sync

MARKUP = """</pre><img src=x onerror="window.broken=1"><script>window.broken=1</script><b>bold?</b>"""
SESSION = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
STEPS = ("/plan", "/search", "/search/read", "/write")
TOOL = {
    "type": "function",
    "function": {"name": "find_paper", "description": "Finds a paper", "parameters": {"type": "object"}},
}


def chat(gateway: Gateway, text: str, *, user: str = "ada", **headers: str) -> str:
    """One chat call; returns its id. `Property_Feature="x"` sets a header of that name."""
    named = {f"Tallygate-{name.replace('_', '-')}": value for name, value in headers.items()}
    body: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    if "tool" in text:
        body["tools"] = [TOOL]
    return post(gateway, "/v1/chat/completions", body, named | {"Tallygate-User-Id": user})


def post(gateway: Gateway, path: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    """One call; returns its id."""
    sent = {"Authorization": "Bearer sk-simulator", **headers}
    answer = httpx2.post(gateway.url + path, json=body, headers=sent, timeout=20)
    return str(answer.headers["tallygate-id"])


def seed(gateway: Gateway) -> None:
    """Some of everything, and wait until all of it can be asked for."""
    for step in STEPS:
        labels = {"Session_Id": SESSION, "Session_Name": "research agent", "Session_Path": step}
        labels |= {"Property_Workflow": "research", "Property_Step": step.rsplit("/", 1)[-1]}
        chat(gateway, f"A step of the work: {step}", **labels)
    chat(gateway, MARKUP, user="<i>mallory</i>", Property_Feature="<u>markup</u>")
    chat(gateway, "Use the tool to find a paper", user="grace", Property_Feature="tools")
    for _ in range(2):
        chat(gateway, "The same question", user="linus", Cache_Enabled="true", Property_Feature="cache")
    body = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
    post(gateway, "/v1/messages", body, {"anthropic-version": "2023-06-01", "Tallygate-User-Id": "alan"})
    throttled = {"x-simulate": "status=429; retry_after_ms=1", "Tallygate-User-Id": "alan"}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Too much"}]}
    post(gateway, "/v1/chat/completions", body, throttled)
    made = len(STEPS) + 6
    eventually_sync(lambda: gateway.sql("SELECT count() FROM calls")[0][0] >= made)
