"""Sending a body that is not held in memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamError

Write = Callable[[bytes], Awaitable[None]]


async def upload(body: AsyncIterator[bytes], length: int | None, write: Write) -> None:
    """Write a body, chunked if its length is None.

    Raises:
        UpstreamClosedError: it could not be read to its end, or is not of its declared length: a byte more
            would be taken for the next request.
    """
    try:
        if length is None:
            await _chunked(body, write)
        else:
            await _measured(body, length, write)
    except UpstreamError:
        raise
    except Exception as error:  # the source is the caller's: its errors are not known here
        raise UpstreamClosedError(f"the request's body broke off ({type(error).__name__})") from error
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()


async def _chunked(body: AsyncIterator[bytes], write: Write) -> None:
    async for data in body:
        if data:  # an empty chunk would be the end
            await write(b"%x\r\n%b\r\n" % (len(data), data))
    await write(b"0\r\n\r\n")


async def _measured(body: AsyncIterator[bytes], length: int, write: Write) -> None:
    left = length
    async for data in body:
        left -= len(data)
        if left < 0:
            raise UpstreamClosedError("the request's body is longer than declared")
        if data:
            await write(data)
    if left:
        raise UpstreamClosedError("the request's body is shorter than declared")
