"""The way to the peer: addresses, ports, connectivity checks, consent.

aioice does the work; what is ours: a range of ports, a public address, loopback where it is wanted, an end within half a minute when the
peer has gone, and no more memory for a stranger's packets than a handful.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import random
import socket
from dataclasses import dataclass, replace
from typing import Any, Final

import ifaddr
from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate
from aioice.stun import TransactionError
from aiortc.rtcconfiguration import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from vivavoce.transports.webrtc.edge.answer import LocalCandidate
from vivavoce.transports.webrtc.edge.offer import RemoteCandidate
from vivavoce.transports.webrtc.faults import EdgeFault
from vivavoce.transports.webrtc.messages import Configure

CONSENT_EVERY_S: Final = 4.0
CONSENT_LOST_S: Final = 20.0
"""Without an answer for so long the peer has gone. Source: RFC 7675 allows 30 s."""
_GATHER_S: Final = 2.0
"""How long a STUN or TURN server may take: the caller waits for the answer."""
_MOST_ADDRESSES: Final = 8
_MOST_WAITING: Final = 1_024
"""Datagrams that wait to be looked at."""
_BUFFER_BYTES: Final = 256 * 1024
_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address of no machine (RFC 5737): the system says by which way it would be reached, and nothing is sent."""


@dataclass(frozen=True, slots=True)
class Network:
    """What the operator has decided about addresses."""

    ports: tuple[int, int] | None
    public_address: str | None
    servers: dict[str, Any]
    """STUN and TURN, as aioice takes them."""
    loopback: bool

    @classmethod
    async def of(cls, settings: Configure) -> Network:
        """Return it, with names looked up.

        Raises:
            EdgeFault: the public address is none, or a server's address is malformed.
        """
        public = settings.public_address
        if public is not None:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(public, None, type=socket.SOCK_DGRAM)
            except OSError as error:
                raise EdgeFault(f"webrtc.public_address = {public!r} cannot be looked up: {error}") from error
            public = str(found[0][4][0])
        servers = [RTCIceServer(list(server.urls), server.username, server.credential) for server in settings.ice_servers]
        try:
            known = connection_kwargs(servers)
        except ValueError as error:
            raise EdgeFault(f"webrtc.ice_servers: {error}") from error
        return cls(settings.ports, public, known, settings.loopback)


class Path(Connection):
    """One call's connection.

    Args:
        network: the operator's decisions.
        lite: the peer is an ICE-lite agent, so that it is we who choose.
    """

    def __init__(self, network: Network, lite: bool) -> None:
        super().__init__(ice_controlling=lite, **network.servers)
        self._network = network
        self.remote_is_lite = lite
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the peer no longer consents."""
        # What aiortc's DTLS transport looks for in its ICE transport.
        self._recv = self.recv
        self._send = self.send

    @property
    def role(self) -> str:
        """Who chooses the pair."""
        return "controlling" if self.ice_controlling else "controlled"

    def send_now(self, data: bytes) -> None:
        """Send a datagram at once; where there is no way to the peer it is lost, as on any network."""
        pair = self._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(data, pair.remote_addr)

    def candidates(self) -> tuple[LocalCandidate, ...]:
        """Return our addresses, the public one included."""
        found = [_local(candidate) for candidate in self._local_candidates]
        public = self._network.public_address
        if public is None:
            return tuple(found)
        version = ipaddress.ip_address(public).version
        hosts = [
            c
            for c in found
            if c.kind == "host" and _is_routable(c.address) and ipaddress.ip_address(c.address).version == version
        ]
        usual = _usual_address()
        behind = [host for host in hosts if host.address == usual] or hosts[:1]
        priority = candidate_priority(1, "srflx")
        outside = [
            replace(host, foundation="public", priority=priority, address=public, kind="srflx", related=(host.address, host.port))
            for host in behind
        ]
        return (*found, *outside)

    async def add(self, candidates: tuple[RemoteCandidate, ...]) -> None:
        """Note where the peer says it may be reached. The list stays open: more are learned from its own checks."""
        for c in candidates:
            await self.add_remote_candidate(Candidate(c.foundation, 1, "udp", c.priority, c.address, c.port, c.kind))

    # --- what aioice calls ------------------------------------------------------------------------------------------------------------

    async def gather_candidates(self) -> None:
        """Bind a port on every address.

        Raises:
            EdgeFault: no port is free.
        """
        if not self._local_candidates_start:
            self._local_candidates_start = True
            self._local_candidates = await self.get_component_candidates(1, _addresses(self._network.loopback))
            self._local_candidates_end = True
        if not self._local_candidates:
            ports = self._network.ports
            raise EdgeFault("no UDP port is free" if ports is None else f"no UDP port from {ports[0]} to {ports[1]} is free")

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: float = _GATHER_S) -> list[Candidate]:
        """Return our candidates of one component."""
        hosts = [protocol for address in addresses if (protocol := await self._host(component, address)) is not None]
        self._protocols += hosts
        candidates = [protocol.local_candidate for protocol in hosts]
        tasks: list[asyncio.Task[tuple[Candidate, Any]]] = []
        if self.stun_server is not None:
            tasks += [
                asyncio.create_task(server_reflexive_candidate(protocol, self.stun_server))
                for protocol in hosts
                if ":" not in protocol.local_candidate.host and _is_routable(protocol.local_candidate.host)
            ]
        if self.turn_server is not None:
            tasks.append(asyncio.create_task(self._relayed(component, self.turn_server)))
        if tasks:
            done, pending = await asyncio.wait(tasks, timeout=timeout)
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending)
            for task in done:
                if task.exception() is None:  # a server that does not answer is one candidate less
                    candidate, protocol = task.result()
                    candidates.append(candidate)
                    if protocol is not None:
                        self._protocols.append(protocol)
        return candidates

    async def _host(self, component: int, address: str) -> StunProtocol | None:
        bound = _bind(address, self._network.ports)
        if bound is None:
            return None
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(lambda: StunProtocol(self), sock=bound)
        host, port = bound.getsockname()[:2]
        protocol.local_candidate = Candidate(
            candidate_foundation("host", "udp", host), component, "udp", candidate_priority(component, "host"), host, port, "host"
        )
        return protocol

    async def _relayed(self, component: int, server: tuple[str, int]) -> tuple[Candidate, StunProtocol]:
        return await relayed_candidate(
            component=component,
            hide_related_address=False,
            protocol_factory=lambda: StunProtocol(self),
            turn_server=server,
            turn_username=self.turn_username,
            turn_password=self.turn_password,
            turn_ssl=self.turn_ssl,
            turn_transport=self.turn_transport,
        )

    def data_received(self, data: bytes, component: int) -> None:
        """Queue a datagram, from whomever; empty ones and those that find the queue full are lost."""
        if data and self._queue.qsize() < _MOST_WAITING:
            super().data_received(data, component)

    async def query_consent(self) -> None:
        """Ask the peer now and then whether it still wants our packets, until it has long said nothing.

        Source: RFC 7675.
        """
        loop = asyncio.get_running_loop()
        heard = loop.time()
        key = (self.remote_password or "").encode()
        while loop.time() - heard < CONSENT_LOST_S:
            await asyncio.sleep(CONSENT_EVERY_S * random.uniform(0.8, 1.2))
            for pair in list(self._nominated.values()):
                request = self.build_request(pair, nominate=False)
                try:
                    await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=0)
                except TransactionError:
                    continue
                heard = loop.time()
        if not self.lost.done():
            self.lost.set_result(None)


def _local(candidate: Candidate) -> LocalCandidate:
    related = None
    if candidate.related_address is not None and candidate.related_port is not None:
        related = (candidate.related_address, candidate.related_port)
    return LocalCandidate(candidate.foundation, candidate.priority, candidate.host, candidate.port, candidate.type, related)


def _is_routable(address: str) -> bool:
    return not ipaddress.ip_address(address).is_loopback


def _addresses(loopback: bool) -> list[str]:
    """Return this machine's addresses."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address, scope = (ip.ip, 0) if isinstance(ip.ip, str) else (ip.ip[0], ip.ip[2])
            if scope == 0 and _is_routable(address) and not ipaddress.ip_address(address).is_link_local:
                found.append(address)
    found = found[:_MOST_ADDRESSES]
    return [*found, "127.0.0.1"] if loopback or not found else found


def _usual_address() -> str | None:
    """Return the address packets to far away leave from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _bind(address: str, ports: tuple[int, int] | None) -> socket.socket | None:
    """Return a socket bound to an address and one of the ports; None where none is free or the address is gone."""
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    for port in _order(ports):
        try:
            bound.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            break
        return bound
    bound.close()
    return None


def _order(ports: tuple[int, int] | None) -> list[int]:
    """Return the ports to try: all of them, from any one on."""
    if ports is None:
        return [0]
    low, high = ports
    first = random.randint(low, high)
    return [*range(first, high + 1), *range(low, first)]
