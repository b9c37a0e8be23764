"""A bad network: a relay for the datagrams of one call that loses and delays them, the same ones in every run.

The caller knows the relay's address alone, so that everything goes through it: connectivity checks, DTLS, media, events. What is lost and
how late the rest is come from a seeded generator. Delays are drawn for each datagram by itself, so they also change the order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from bench.kit import BenchError

_CANDIDATE: Final = re.compile(r"^a=candidate:(\S+) 1 udp (\d+) (\S+) (\d+) typ host.*$", re.MULTILINE | re.IGNORECASE)

_LINGER_S: Final = 0.2
"""How long a caller's last words may take to get here."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Network:
    """How bad it is: the share of datagrams lost, and the longest delay in ms; delays are spread evenly from 0."""

    name: str
    loss: float = 0.0
    jitter_ms: float = 0.0


class _Socket(asyncio.DatagramProtocol):
    """One side of the relay."""

    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is one without saying so

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Take a datagram."""
        self._take(data, (str(addr[0]), addr[1]))

    def put(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)

    @property
    def address(self) -> Address:
        """Where it is; nowhere before it is bound."""
        found = ("", 0) if self._transport is None else self._transport.get_extra_info("sockname")
        return str(found[0]), int(found[1])

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class Relay:
    """Stands between one caller and the server.

    Args:
        network: how bad it is.
        seed: of what happens to which datagram.
    """

    def __init__(self, network: Network, seed: int) -> None:
        self._network = network
        self._random = np.random.default_rng(seed)
        self._caller: Address | None = None
        self._server: Address | None = None
        self._near = _Socket(self._from_caller)
        self._far = _Socket(self._from_server)
        self.passed = 0
        self.dropped = 0

    async def answer(self, sdp: str) -> str:
        """Return the server's answer with the relay in the server's place.

        Raises:
            BenchError: the answer has no address on this machine.
        """
        found = next((match for match in _CANDIDATE.finditer(sdp) if match[3] == "127.0.0.1"), None)
        if found is None:
            raise BenchError("the server offers no address on the loopback")
        self._server = found[3], int(found[4])
        loop = asyncio.get_running_loop()
        for end in (self._near, self._far):
            await loop.create_datagram_endpoint(lambda end=end: end, local_addr=("127.0.0.1", 0))  # type: ignore[misc]
        host, port = self._near.address
        line = f"a=candidate:{found[1]} 1 udp {found[2]} {host} {port} typ host"
        kept = [text for text in sdp.splitlines() if not text.startswith("a=candidate")]
        at = next(place for place, text in enumerate(kept) if text.startswith("a=ice-ufrag"))
        return "\r\n".join([*kept[:at], line, *kept[at:], ""])

    async def close(self) -> None:
        """Cut the line, once everything under way has come through."""
        await asyncio.sleep(self._network.jitter_ms / 1000 + _LINGER_S)
        self._near.close()
        self._far.close()

    def _from_caller(self, data: bytes, address: Address) -> None:
        self._caller = address
        if self._server is not None:
            self._pass(self._far, data, self._server)

    def _from_server(self, data: bytes, _: Address) -> None:
        if self._caller is not None:
            self._pass(self._near, data, self._caller)

    def _pass(self, out: _Socket, data: bytes, to: Address) -> None:
        lost, late = self._random.random(2)
        if lost < self._network.loss:
            self.dropped += 1
            return
        self.passed += 1
        if self._network.jitter_ms:
            asyncio.get_running_loop().call_later(late * self._network.jitter_ms / 1000, out.put, data, to)
        else:
            out.put(data, to)
