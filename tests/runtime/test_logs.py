"""Logs never hold a credential, whatever is logged and however."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from tallygate.runtime import logs
from tallygate.runtime.logs import JsonFormatter, PlainFormatter, redact

SECRETS = [
    ("sk-proj-abcdefghijklmnop1234", "openai"),
    ("sk-ant-api03-AbCdEf_123456-xyz", "anthropic"),
    ("tg-live-0123456789abcdef", "gateway"),
    ("gsk_0123456789abcdefXYZ", "groq"),
    ("xai-0123456789abcdef", "xai"),
    ("AIzaSyA-0123456789abcdefghijklmnop", "google"),
]


@pytest.mark.parametrize(("secret", "who"), SECRETS)
@pytest.mark.parametrize("around", ["key {} refused", "{{'k': '{}'}}", "Bearer {}", "https://h/x?key={}&a=1"])
def test_keys_are_cut(secret: str, who: str, around: str) -> None:
    assert secret[8:] not in redact(around.format(secret))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("{'x-api-key': 'plain-words-key'}", "plain-words-key"),
        ('{"api_key": "plainwordskey", "model": "m"}', "plainwordskey"),
        ("postgresql://tallygate:hunter2@db:5432/x", "hunter2"),
        ("GET /v1beta/models?key=abcdefghij", "abcdefghij"),
        ("password=hunter2000", "hunter2000"),
        ("b'x-goog-api-key': b'zzzzyyyyxxxx'", "zzzzyyyyxxxx"),
    ],
)
def test_credentials_are_cut_by_their_place(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "input_tokens=512 output_tokens=33",
        "max_tokens: 4096",
        "the token bucket of task-1234567 is empty",
        '{"base_url":"http://127.0.0.1:9000/v1","api_key":null}',
        "call 0192f0c1-2b7e-7cc0-8000-000000000000 ended with 200 in 12 ms",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@contextmanager
def logger_to(formatter: logging.Formatter) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.getLogger("tallygate.test")
    logger.addHandler(handler)
    yield logger, out
    logger.removeHandler(handler)


@pytest.mark.parametrize("formatter", [PlainFormatter("edge-0"), JsonFormatter("edge-0")])
def test_arguments_and_tracebacks_are_redacted(formatter: logging.Formatter) -> None:
    with logger_to(formatter) as (logger, out):
        try:
            raise ValueError("refused sk-abcdefghijklmnop")
        except ValueError:
            logger.exception("call with %s failed", {"authorization": "Bearer sk-qrstuvwxyz0123"})
    text = out.getvalue()
    assert "ValueError" in text
    assert "edge-0" in text
    assert "abcdefghijklmnop" not in text
    assert "qrstuvwxyz0123" not in text


def test_json_lines_are_objects_with_the_extras() -> None:
    with logger_to(JsonFormatter("core")) as (logger, out):
        logger.warning("two\nlines", extra={"call": "c1", "key": "tg-0123456789abc"})
    assert out.getvalue().count("\n") == 1
    line = orjson.loads(out.getvalue())
    assert (line["level"], line["process"], line["message"], line["call"]) == (
        "WARNING",
        "core",
        "two\nlines",
        "c1",
    )
    assert "0123456789abc" not in line["key"]
    assert line["time"].endswith("Z")


def test_configure_replaces_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.configure("p", "WARNING", "json")
    logs.configure("p", "WARNING", "plain")
    assert len(root.handlers) == 1
    assert isinstance(root.handlers[0].formatter, PlainFormatter)
    assert root.level == logging.WARNING
    logging.captureWarnings(capture=False)
