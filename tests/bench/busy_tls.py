"""A TLS server for the busy system: `busy_tls.py CERTIFICATE KEY`."""

from __future__ import annotations

import asyncio
import ssl
import sys


async def serve(certificate: str, key: str) -> None:
    """A line to whoever shakes hands."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_server(hello, "0.0.0.0", 443, ssl=context)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
