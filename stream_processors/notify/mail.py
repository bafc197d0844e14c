"""Messages as e-mail, with a plain and an HTML part. Pure."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from tallygate.schemas.webhooks import Payload
from tallygate.stream_processors.notify.wording import Notice, notice_of

_COLOURS = {"bad": "#b42318", "good": "#067647", "plain": "#344054"}
MAX_SUBJECT_CHARS = 200


def mail_of(
    payload: Payload, delivery_id: str, *, sender: str, addresses: tuple[str, ...], now: datetime
) -> EmailMessage:
    """The message for a payload.

    Its id follows from the delivery's and so is the same at every try: mail systems show it once.
    """
    notice = notice_of(payload)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(addresses)
    message["Subject"] = notice.title[:MAX_SUBJECT_CHARS]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{delivery_id}@{sender.rpartition('@')[2].strip('>')}>"
    # Nobody is to answer it, absence notices included.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain(notice))
    message.add_alternative(_html(notice), subtype="html")
    return message


def _plain(notice: Notice) -> str:
    facts = "\n".join(f"{name}: {value}" if name else value for name, value in notice.facts)
    return f"{notice.title}\n\n{facts}\n\n-- \nSent by Tallygate\n"


def _html(notice: Notice) -> str:
    name_style = "padding:2px 16px 2px 0;color:#667085"
    rows = "".join(
        f'<tr><td style="{name_style}">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in notice.facts
    )
    return (
        '<!doctype html><html><body style="font-family:sans-serif;font-size:14px;color:#101828">'
        f'<p style="font-size:16px;font-weight:bold;color:{_COLOURS[notice.mood]}">{escape(notice.title)}</p>'
        f'<table cellspacing="0">{rows}</table>'
        '<p style="color:#667085">Sent by Tallygate</p></body></html>'
    )
