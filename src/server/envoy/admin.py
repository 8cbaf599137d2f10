"""Envoy's own administration, over its socket in this machine."""

import asyncio
from pathlib import Path

ANSWER_SECONDS_MAX = 2.0


async def ask(socket: Path, method: str, path: str) -> tuple[int, bytes]:
    """Return the status and body of an answer. Raises OSError, of which TimeoutError is one."""
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        reader, writer = await asyncio.open_unix_connection(socket)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: envoy\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    if not head:
        raise ConnectionResetError("Envoy has closed the connection without an answer")
    return int(head.split(b" ", 2)[1]), body
