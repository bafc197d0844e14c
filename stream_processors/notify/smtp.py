"""Sending e-mail: the boundary to aiosmtplib. A message has a connection of its own."""

import logging
import ssl
from email.message import EmailMessage

import aiosmtplib

from tallygate.runtime.config import ConfigError, SmtpConfig
from tallygate.stream_processors.notify.outcome import Outcome, failed

log = logging.getLogger(__name__)


class Mailer:
    """Sends through the configured server."""

    def __init__(self, config: SmtpConfig, *, timeout_s: float) -> None:
        """Raises:
        ConfigError: the certificates can't be read.
        """
        self._config = config
        self._timeout_s = timeout_s
        self._tls = _context(config)

    @property
    def sender(self) -> str:
        """Address that messages come from."""
        return self._config.sender

    async def send(self, message: EmailMessage) -> Outcome:
        """Send; never raises for what the server or the network does."""
        if not self._config.host:
            return Outcome("refused", error="no mail server is configured (smtp.host)")
        try:
            refused, _ = await aiosmtplib.send(
                message,
                hostname=self._config.host,
                port=self._config.port,
                username=self._config.username or None,
                password=self._config.password.get_secret_value() or None,
                use_tls=self._config.security == "tls",
                start_tls=self._config.security == "starttls",
                tls_context=self._tls,
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPResponseException as error:
            return failed(f"the mail server answered {error.code}", status=error.code)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({recipient.code for recipient in error.recipients})
            return failed(f"the mail server refused every recipient ({codes[0]})", status=codes[0])
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            log.warning("e-mail: %s", type(error).__name__)
            return failed(_reason(error, self._timeout_s))
        if refused:
            return Outcome("delivered", error=f"refused by the mail server: {', '.join(sorted(refused))}")
        return Outcome("delivered", status=250)


def _context(config: SmtpConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"smtp.ca_file: {config.ca_file} can't be read: {error}") from error


def _reason(error: Exception, timeout_s: float) -> str:
    match error:
        case aiosmtplib.SMTPTimeoutError():
            return f"the mail server did not answer within {timeout_s:g} s"
        case aiosmtplib.SMTPConnectError():
            return "the mail server can't be reached"
        case aiosmtplib.SMTPServerDisconnected():
            return "the mail server closed the connection"
        case _:
            return f"the mail server could not be used: {type(error).__name__}"
