"""Media: data URLs, types by name, and what a text file holds."""

import base64
import binascii
import re

from tallygate.edge.dialects.common.errors import InvalidFieldError
from tallygate.edge.dialects.common.request import Inline, Link, Source

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "htm": "text/html",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "mp4": "video/mp4",
}
PDF = "application/pdf"


def media_type_of(name: str, default: str) -> str:
    """Media type by the extension of a file name or URL."""
    path = name.split("?", 1)[0].split("#", 1)[0]
    return _TYPES.get(path.rsplit(".", 1)[-1].lower(), default) if "." in path else default


def extension_of(media_type: str) -> str | None:
    """Usual extension of a media type."""
    kind = media_type.split(";", 1)[0].strip().lower()
    return next((extension for extension, known in _TYPES.items() if known == kind), None)


def check_base64(data: str, where: str) -> str:
    """The same base64, checked.

    Raises:
        InvalidFieldError: it is not base64.
    """
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidFieldError(where, "must be base64") from error
    return data


def parse_url(url: str, where: str) -> Source:
    """A data URL as its content, any other as a link.

    Raises:
        InvalidFieldError: neither a base64 data URL nor an http(s), gs or s3 URL.
    """
    if url[:5].lower() == "data:":
        return _parse_data_url(url, where)
    if not re.match(r"(https?|gs|s3)://", url, re.IGNORECASE):
        raise InvalidFieldError(where, "must be a data URL or an http(s) URL")
    return Link(url)


def _parse_data_url(url: str, where: str) -> Inline:
    match = _DATA_URL.match(url)
    if match is None or ";base64" not in match[2].lower():
        raise InvalidFieldError(where, "must be a data URL of the form data:TYPE;base64,DATA")
    kind = match[1].strip().lower() or "text/plain"
    return Inline("image/jpeg" if kind == "image/jpg" else kind, check_base64(url[match.end() :], where))


def data_url(source: Inline) -> str:
    """A data URL."""
    return f"data:{source.media_type};base64,{source.data}"


def is_text(media_type: str) -> bool:
    """Whether a file of this type can be shown as text."""
    return media_type.startswith("text/") or media_type in ("application/json", "application/xml")


def decode_text(source: Inline, where: str) -> str:
    """Text of an inline text file.

    Raises:
        InvalidFieldError: it is not UTF-8.
    """
    try:
        return base64.b64decode(source.data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFieldError(where, "must be UTF-8 text") from error


def encode_text(text: str, media_type: str = "text/plain") -> Inline:
    """A text as an inline file."""
    return Inline(media_type, base64.b64encode(text.encode()).decode())
