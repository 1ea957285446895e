"""A closed-loop client for gRPC, since wrk speaks HTTP/1.1 only; prints what rotate.lua prints.

python -m benchmarks.serving.grpc_load 127.0.0.1:3000 body-0 body-1 --connections 16
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from benchmarks.serving.wires import GRPC_METHOD


class Client:
    """Counts what its connections do."""

    def __init__(self, bodies: Sequence[bytes], metadata: Sequence[tuple[str, str]]) -> None:
        self._bodies = itertools.cycle(bodies)
        self._metadata = tuple(metadata)
        self.took_ms: list[float] = []
        self.failed = 0

    async def keep_asking(self, target: str, until: float) -> None:
        """Ask one after the other on a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            method = channel.unary_unary(GRPC_METHOD)
            while (began := time.perf_counter()) < until:
                try:
                    await method(next(self._bodies), timeout=30, metadata=self._metadata)
                except grpc.aio.AioRpcError:
                    self.failed += 1
                self.took_ms.append((time.perf_counter() - began) * 1000)


async def load(client: Client, target: str, connections: int, seconds: float) -> float:
    """Ask on all connections; return the seconds that it took in the end."""
    began = time.perf_counter()
    asking = (client.keep_asking(target, began + seconds) for _ in range(connections))
    await asyncio.gather(*asking)
    return time.perf_counter() - began


def main() -> None:
    """Load and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target")
    parser.add_argument("bodies", type=Path, nargs="+")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--header", action="append", default=[], help="NAME=VALUE")
    asked = parser.parse_args()
    metadata = [(name, value) for name, _, value in (h.partition("=") for h in asked.header)]
    client = Client([file.read_bytes() for file in asked.bodies], metadata)
    spent = time.process_time()
    seconds = asyncio.run(load(client, asked.target, asked.connections, asked.seconds))
    took = sorted(client.took_ms)
    told = {
        "requests": len(took),
        "seconds": seconds,
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[int(len(took) * 0.99)],
        "failed": client.failed,
        "generator_cpu_s": time.process_time() - spent,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
