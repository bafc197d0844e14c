"""Messages for Slack's incoming webhooks, as blocks. Pure."""

from typing import Any

import orjson

from tallygate.schemas.webhooks import Payload
from tallygate.stream_processors.notify.wording import Notice, notice_of

MAX_TITLE_CHARS = 150
"""Slack's limit of a header block."""
MAX_FIELD_CHARS = 1000
"""Half of Slack's limit of a field: what is escaped grows."""
MAX_FIELDS = 10
_MARKS = {"bad": ":rotating_light:", "good": ":white_check_mark:", "plain": ":bell:"}


def slack_body(payload: Payload) -> bytes:
    """The message for a payload, as JSON."""
    return orjson.dumps(slack_message(notice_of(payload)))


def slack_message(notice: Notice) -> dict[str, Any]:
    """A message; `text` is for notifications and for readers that show no blocks."""
    title = f"{_MARKS[notice.mood]} {notice.title}"
    fields = [
        {"type": "mrkdwn", "text": f"*{_escaped(name)}*\n{_escaped(value[:MAX_FIELD_CHARS])}"}
        for name, value in notice.facts[:MAX_FIELDS]
    ]
    header = {"type": "plain_text", "text": _cut(title, MAX_TITLE_CHARS), "emoji": True}
    return {
        "text": _escaped(title),
        "blocks": [{"type": "header", "text": header}, {"type": "section", "fields": fields}],
    }


def _escaped(text: str) -> str:
    """Slack reads `<…>` as links and mentions: a user's id must not call the whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
