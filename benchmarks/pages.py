"""A target with a large page whose values change: ``python -m benchmarks.pages PORT SERIES``."""

from __future__ import annotations

import asyncio
import gzip
import sys

_NAMES = 50
_TURNS = 8


def page(series: int, turn: int) -> bytes:
    """A page of counters; two of three have changed since the turn before."""
    lines = []
    for name in range(_NAMES):
        lines.append(f"# HELP jobs_{name}_total What was done.\n# TYPE jobs_{name}_total counter\n")
        for pod in range(series // _NAMES):
            value = 17 if pod % 3 == 0 else (pod + 1) * 7919 * (turn + 1) % 1_000_003
            labels = f'pod="pod-{pod}",namespace="ns-{pod % 7}",code="200"'
            lines.append(f"jobs_{name}_total{{{labels}}} {value}\n")
    return "".join(lines).encode()


def answer(body: bytes) -> bytes:
    """The whole answer, gzipped as exporters do."""
    packed = gzip.compress(body, 1)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed


async def serve(port: int, series: int) -> None:
    """Serve until killed; says ``ready`` first."""
    answers = [answer(page(series, turn)) for turn in range(_TURNS)]
    turn = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                turn += 1
                writer.write(answers[turn % _TURNS])
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
