"""A real SMTP server for tests."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tallygate.runtime.config import SmtpConfig


@dataclass
class Mailbox:
    """What came, and what is refused."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Answers by recipient."""
    refuse_data: str = ""
    """Answer to every message."""
    port: int = 0
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    def config(self, **given: Any) -> SmtpConfig:
        """Settings that lead here."""
        return SmtpConfig(
            **{
                "host": "127.0.0.1",
                "port": self.port,
                "security": "none",
                "sender": "Tallygate <alerts@gateway.example>",
                **given,
            }
        )

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """A recipient."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:
        """A message."""
        if self.refuse_data:
            return self.refuse_data
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        """A login: the password is `right`."""
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == b"right", handled=False)


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox | None = None, *, tls: ssl.SSLContext | None = None, port: int = 0, login: bool = False
) -> AsyncIterator[Mailbox]:
    """A server on this machine, in this loop, with STARTTLS if there is a context."""
    mailbox = mailbox or Mailbox()
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def new_session() -> SMTP:
        session = SMTP(
            mailbox,
            hostname="localhost",
            loop=loop,
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=mailbox.authenticate if login else None,
            auth_required=login,
        )
        sessions.append(session)
        return session

    server = await loop.create_server(new_session, "127.0.0.1", port)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for session in sessions:
            for transport in (session.transport, session._original_transport):
                if isinstance(transport, asyncio.Transport):
                    transport.abort()
        await server.wait_closed()
        handlers = [s._handler_coroutine for s in sessions if s._handler_coroutine is not None]
        for handler in handlers:  # of a handshake that failed it would wait for ever
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
