"""E-mail, sent to a real server."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from tallygate.runtime.config import ConfigError, SmtpConfig
from tallygate.schemas.webhooks import AlertWebhook
from tallygate.stream_processors.notify.mail import mail_of
from tallygate.stream_processors.notify.outcome import Outcome
from tallygate.stream_processors.notify.smtp import Mailer
from tests.stream_processors.notify.alerts import alert
from tests.support.mail_server import Mailbox, mail_server

NOW = datetime(2026, 11, 6, 21, 20, tzinfo=UTC)


def message(*addresses: str, **fields: Any) -> EmailMessage:
    return mail_of(
        AlertWebhook(type="alert.firing", timestamp="", data=alert(**fields)),
        "dlv_1",
        sender="Tallygate <alerts@gateway.example>",
        addresses=addresses or ("ops@example.com",),
        now=NOW,
    )


async def send(config: SmtpConfig, *addresses: str, **fields: Any) -> Outcome:
    return await Mailer(config, timeout_s=5).send(message(*addresses, **fields))


async def test_an_alert_arrives_with_both_parts() -> None:
    async with mail_server() as mailbox:
        outcome = await send(mailbox.config(), "ops@example.com", "zoe@example.com", name="Größe <b>&")
    assert outcome == Outcome("delivered", status=250)
    assert mailbox.recipients == [["ops@example.com", "zoe@example.com"]]
    (mail,) = mailbox.messages
    assert mail["Subject"] == "Größe <b>&: cost is $40.10 and has reached 80 % of $50.00"
    assert mail["Message-ID"] == "<dlv_1@gateway.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = (part.get_content() for part in mail.iter_parts() if isinstance(part, EmailMessage))
    assert "Threshold: 80 % of $50.00" in plain
    assert "Größe &lt;b&gt;&amp;" in html
    assert "<b>" not in html


async def test_nothing_gets_into_the_headers() -> None:
    async with mail_server() as mailbox:
        await send(mailbox.config(), name="x\r\nBcc: everybody@example.com")
    (mail,) = mailbox.messages
    assert mail["Bcc"] is None
    assert mail["Subject"].strip().startswith("x Bcc: everybody@example.com")


async def test_starttls_with_a_login(tmp_path: Path) -> None:
    server, ca_file = _authority(tmp_path)
    async with mail_server(tls=server, login=True) as mailbox:
        config = mailbox.config(
            host="localhost", security="starttls", username="me", password="right", ca_file=ca_file
        )
        assert (await send(config)).result == "delivered"
        assert mailbox.logins == [(b"me", b"right")]
        wrong = config.model_copy(update={"password": SmtpConfig(password="wrong").password})
        outcome = await send(wrong)
        assert (outcome.result, outcome.status) == ("failed", 535)
        assert "wrong" not in outcome.error


async def test_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    server, _ = _authority(tmp_path)
    async with mail_server(tls=server) as mailbox:
        outcome = await send(mailbox.config(host="localhost", security="starttls"))
    assert outcome.result == "failed"
    assert mailbox.messages == []


async def test_a_server_without_tls_is_not_sent_to_in_the_clear() -> None:
    async with mail_server() as mailbox:
        assert (await send(mailbox.config(security="starttls"))).result == "failed"
    assert mailbox.messages == []


@pytest.mark.parametrize("code", [451, 552])
async def test_the_server_refuses(code: int) -> None:
    async with mail_server(Mailbox(refuse_data=f"{code} no")) as mailbox:
        outcome = await send(mailbox.config())
    assert (outcome.result, outcome.status) == ("failed", code)


async def test_every_recipient_is_refused() -> None:
    async with mail_server(Mailbox(refused={"ops@example.com": "550 unknown"})) as mailbox:
        outcome = await send(mailbox.config())
    assert (outcome.result, outcome.status) == ("failed", 550)


async def test_one_of_two_recipients_is_refused() -> None:
    async with mail_server(Mailbox(refused={"gone@example.com": "550 unknown"})) as mailbox:
        outcome = await send(mailbox.config(), "ops@example.com", "gone@example.com")
    assert outcome.result == "delivered"
    assert outcome.error == "refused by the mail server: gone@example.com"
    assert mailbox.recipients == [["ops@example.com"]]


async def test_no_server_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await send(SmtpConfig(host="127.0.0.1", port=port, sender="a@b.example", security="none"))
    assert outcome.error == "the mail server can't be reached"


async def test_a_server_that_says_nothing() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        config = SmtpConfig(host="127.0.0.1", port=port, sender="a@b.example", security="none")
        outcome = await Mailer(config, timeout_s=0.3).send(message())
        await left.wait()
    assert outcome.error == "the mail server did not answer within 0.3 s"


async def test_without_a_server_nothing_is_tried() -> None:
    assert (await send(SmtpConfig())).result == "refused"


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"smtp\.ca_file"):
        Mailer(SmtpConfig(ca_file=tmp_path / "none.pem"), timeout_s=5)


def _authority(directory: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ca_file = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file
