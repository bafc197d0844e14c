"""Reading a request's body: whole if it is small, otherwise only as far as routing needs.

A large JSON body is held until its model is known, and no longer; any other large body not at all. So nothing
is held twice, whatever its size.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError, body_too_large, invalid_request
from tallygate.edge.http import coding
from tallygate.edge.request import fields, rewrite
from tallygate.edge.request.fields import NO_FIELDS, Fields
from tallygate.edge.request.jsonscan import TopLevelScanner

WHOLE_BODY_BYTES = 1 << 20
"""Bodies up to this are read whole before anything else."""
PEEK_BYTES = 64 * 1024
"""Of a multipart body, where its model is looked for."""
HOLD_BYTES = 32 << 20
"""A JSON body whose model does not come within this is refused."""
_SLICE_BYTES = 64 * 1024

_FORM_MODEL = re.compile(rb'name="?model"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]{1,256})\r\n')
_SCANNED = ("model", "stream", "stream_options", "user", "metadata")


class Source(Protocol):
    """Where a body comes from."""

    async def read(self) -> bytes:
        """The next bytes, empty at the end of the body."""
        ...


@dataclass(slots=True)
class RequestBody:
    """A body of which `head` has been read."""

    head: bytes | bytearray = b""
    complete: bool = True
    length: int | None = 0
    """In all, as the caller declared it or as read; None if it isn't known."""
    fields: Fields = NO_FIELDS
    decoded: bytes | None = None
    """The head without its content coding, if it had one and is complete."""
    source: Source | None = None
    scan: TopLevelScanner | None = field(default=None, repr=False)
    held: bool = False
    """All of it is kept in memory until the call ends."""

    async def hold(self) -> None:
        """Read the rest, so that it can be sent more than once, and looked at as a whole.

        Raises:
            GatewayError: 413; 400.
        """
        if not self.complete and self.source is not None:
            parts = [bytes(self.head)]
            while data := await self.source.read():
                parts.append(data)
            self.head, self.scan = b"".join(parts), None
            self.complete, self.length = True, len(self.head)
            parsed = fields.parse_object(self.head) if self.head.lstrip()[:1] == b"{" else None
            if parsed is not None:
                self.fields = fields.read(parsed, strict=False)
        self.held = True

    def scanner(self) -> TopLevelScanner:
        """Where the fields of the (decoded) head lie."""
        if self.scan is None:
            self.scan = TopLevelScanner()
            self.scan.feed(bytes(self.head) if self.decoded is None else self.decoded)
        return self.scan

    def edit(self, edits: list[rewrite.Edit]) -> None:
        """Change values in the head. It loses its content coding, if it had one."""
        if not edits:
            return
        grown = rewrite.growth_bytes(edits)
        if self.decoded is not None:
            self.head = rewrite.apply(self.decoded, edits)
            self.length = len(self.head)
        else:
            self.head = rewrite.apply(self.head, edits)
            self.length = None if self.length is None else self.length + grown
        self.scan = None


class BodyReader:
    """Reads one body within its limits, keeping what is to be recorded."""

    def __init__(self, source: Source, capture: Capture, *, length: int | None, max_bytes: int) -> None:
        """`length` is the declared one, None if the body is chunked."""
        self._source = source
        self._capture = capture
        self._length = length
        self._max_bytes = max_bytes
        self._read_bytes = 0
        self.error: GatewayError | None = None
        """Why reading failed, for whoever only sees that sending did."""

    async def read(self) -> bytes:
        """The next bytes as they come, empty at the end.

        Raises:
            GatewayError: 413, the body is over its limit; 400, its framing is broken.
        """
        try:
            data = await self._source.read()
        except GatewayError as error:
            self.error = error
            raise
        self._read_bytes += len(data)
        if self._read_bytes > self._max_bytes:
            self.error = body_too_large(self._max_bytes)
            raise self.error
        self._capture.add(data)
        return data

    async def whole_or_head(
        self, content_type: str, content_encoding: str, *, json_only: bool
    ) -> RequestBody:
        """Read as much as routing needs.

        Args:
            content_type: in lower case.
            content_encoding: in lower case.
            json_only: the operation takes nothing but a JSON object.

        Raises:
            GatewayError: 400, 413.
        """
        multipart = "multipart/" in content_type
        head, ended = await self._first()
        if ended:
            body = _whole(head, content_encoding, json_only=json_only, multipart=multipart)
            if body.decoded is not None:
                self._capture.replace(body.decoded)
            return body
        if not multipart and content_encoding in {"", "identity"} and head.lstrip()[:1] == b"{":
            return await self._hold_until_model(head, strict=json_only)
        if json_only and not content_encoding:
            raise invalid_request("The body is not a JSON object.")
        model = _form_model(head) if multipart else ""
        return RequestBody(head, complete=False, length=self._length, fields=Fields(model=model), source=self)

    async def _first(self) -> tuple[bytes, bool]:
        """A small body whole, the start of a large one; and whether it is all of it.

        A body that declares to be large is not waited for.
        """
        small = self._length is None or self._length <= WHOLE_BODY_BYTES
        limit = WHOLE_BODY_BYTES if small else PEEK_BYTES
        parts: list[bytes] = []
        size = 0
        while size <= limit:
            data = await self.read()
            if not data:
                return b"".join(parts), True
            parts.append(data)
            size += len(data)
            if size == self._length:
                return parts[0] if len(parts) == 1 else b"".join(parts), True
        return b"".join(parts), False

    async def _hold_until_model(self, head: bytes, *, strict: bool) -> RequestBody:
        scan = TopLevelScanner()
        scan.feed(head)
        ended = False
        while "model" not in scan.spans and not ended:
            if len(scan.buffer) > HOLD_BYTES:
                raise invalid_request(
                    f"No `model` within the first {HOLD_BYTES} bytes: put it first.", param="model"
                )
            data = await self.read()
            ended = not data
            scan.feed(data)
        found = {key: scan.value(key) for key in _SCANNED if key in scan.spans}
        return RequestBody(
            scan.buffer,
            complete=ended,
            length=len(scan.buffer) if ended else self._length,
            fields=fields.read(found, strict=strict),
            source=self,
            scan=scan,
        )


def _whole(head: bytes, content_encoding: str, *, json_only: bool, multipart: bool) -> RequestBody:
    body = RequestBody(head, length=len(head))
    if multipart:
        body.fields = Fields(model=_form_model(head))
        return body
    if content_encoding not in {"", "identity"}:
        body.decoded = coding.decoder(content_encoding).feed(head) or None
        if body.decoded is None:  # not readable here: the provider's to judge
            return body
    parsed = fields.parse_object(head if body.decoded is None else body.decoded)
    if parsed is not None:
        body.fields = fields.read(parsed, strict=json_only)
    elif json_only:
        raise invalid_request("The body is not a JSON object.")
    return body


def _form_model(head: bytes) -> str:
    """The field `model` of a multipart form, if it comes early."""
    match = _FORM_MODEL.search(head[:PEEK_BYTES])
    return "" if match is None else match.group(1).decode(errors="replace").strip()


async def slices(data: bytes) -> AsyncIterator[bytes]:
    """A large body in pieces: written at once it would stop the loop."""
    view = memoryview(data)
    for at in range(0, len(view), _SLICE_BYTES):
        yield bytes(view[at : at + _SLICE_BYTES])


async def stream(body: RequestBody) -> AsyncIterator[bytes]:
    """The body's bytes: what was held, in slices, then the rest as it comes. The head is given up."""
    head, body.head, body.scan = body.head, b"", None
    view = memoryview(head)
    for at in range(0, len(view), _SLICE_BYTES):
        yield bytes(view[at : at + _SLICE_BYTES])
    view.release()
    del head, view
    while not body.complete and body.source is not None:
        data = await body.source.read()
        if not data:
            return
        yield data
