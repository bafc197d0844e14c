"""Asking a process over HTTP whether it is ready. By hand, so that waiting needs no HTTP library."""

import asyncio
from collections.abc import Callable

POLL_S = 0.03
ANSWER_S = 2.0


async def answers(host: str, port: int, path: str) -> int:
    """Status of a GET; 0 if there was no answer in time."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await _status(host, port, path)
    except (OSError, TimeoutError, ValueError):
        return 0


async def wait_ready(host: str, port: int, path: str = "/readyz", *, unless: Callable[[], bool]) -> bool:
    """Wait until the answer is 200; False as soon as `unless` says that there is no point."""
    while not unless():
        if await answers(host, port, path) == 200:
            return True
        await asyncio.sleep(POLL_S)
    return False


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        line = await reader.readline()
        version, status, *_ = line.split(b" ", 2)
        return int(status) if version.startswith(b"HTTP/") else 0
    finally:
        writer.close()
