#!/usr/bin/env python3
"""Holds connections to a server open, as somebody would who wants its descriptors: a process of its own,
with descriptors of its own. Ends when its standard input does. Says each half second how it stands.

    hold.py PORT KIND NUMBER     KIND: silent, header, body, answered, stream, calls
    What the server closes is opened anew. Tokens for streams: HOLD_TOKENS, one a line."""

import asyncio
import collections
import json
import os
import sys

PAUSE, PATIENCE = 0.5, 20
COUNTS = collections.Counter()
TOKENS = os.environ.get("HOLD_TOKENS", "").split()


def sent(kind, number):
    """What is sent at first."""
    host = b"Host: x\r\n"
    if kind == "header":
        return b"GET /api/v1/me HTTP/1.1\r\n" + host + b"X-Slow: "
    if kind == "body":
        head = b"POST /api/v1/login/device HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
        return head + b"Content-Length: 1000\r\n\r\n{"
    if kind == "answered":
        return b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n"
    if kind == "stream":
        token = TOKENS[number % len(TOKENS)]
        return b"GET /api/v1/events HTTP/1.1\r\n" + host + f"Authorization: Bearer {token}\r\n\r\n".encode()
    return b""


async def held(port, kind, number):
    """One connection until the server closes it."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), PATIENCE)
    COUNTS["opened"] += 1
    COUNTS["open"] += 1
    try:
        writer.write(sent(kind, number))
        await writer.drain()
        first = True
        while True:
            heard = await reader.read(65536)
            if not heard:
                break
            if first and heard.startswith(b"HTTP/1.1 "):
                COUNTS[heard[9:12].decode()] += 1
            first = False
    finally:
        COUNTS["open"] -= 1
        writer.close()


async def calling(port, number):
    """Calls without a pause: what anybody may ask, and with tokens that nobody gave."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), PATIENCE)
    COUNTS["opened"] += 1
    COUNTS["open"] += 1
    try:
        while True:
            COUNTS["calls"] += 1
            path = ["/metrics", "/api/v1/me", "/readyz", "/api/v1/me", "/signin"][COUNTS["calls"] % 5]
            token = f"Authorization: Bearer hpt_{number}x{COUNTS['calls']}\r\n"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{token}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            COUNTS[head[9:12].decode()] += 1
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
    finally:
        COUNTS["open"] -= 1
        writer.close()


async def one(port, kind, number):
    while True:
        try:
            await (calling(port, number) if kind == "calls" else held(port, kind, number))
            COUNTS["closed"] += 1
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            COUNTS["failed"] += 1
        await asyncio.sleep(PAUSE)


async def main():
    port, kind, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    tasks = [asyncio.create_task(one(port, kind, index)) for index in range(number)]
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: sys.stdin.read() or os._exit(0))
    while True:
        print(json.dumps(COUNTS), flush=True)
        await asyncio.sleep(0.5)
        broken = next((task for task in tasks if task.done()), None)
        if broken:
            raise broken.exception() or SystemExit("a connection is held no more")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (KeyboardInterrupt, BrokenPipeError):
        pass
