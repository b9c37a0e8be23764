"""The loop whose clock jumps: time passes as it is slept, in order, and nothing that was started is left."""

from __future__ import annotations

import asyncio

import pytest

from vivavoce.testing.clock import VirtualClockLoop


def test_hours_pass_in_no_time_and_in_order() -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> float:
        await asyncio.gather(sleeper("late", 7_200), sleeper("early", 0.25), sleeper("middle", 3_600))
        return asyncio.get_running_loop().time()

    with VirtualClockLoop() as loop:
        assert loop.run(main()) == 7_200
    assert seen == [("early", 0.25), ("middle", 3_600), ("late", 7_200)]


def test_time_outs_go_by_the_same_clock() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    with VirtualClockLoop() as loop:
        assert loop.run(main()) == 20


def test_what_is_left_is_cancelled() -> None:
    left: list[asyncio.Task[None]] = []

    async def main() -> None:
        left.append(asyncio.create_task(asyncio.sleep(1_000)))

    with VirtualClockLoop() as loop:
        loop.run(main())
    assert left[0].cancelled()


def test_what_the_system_has_ready_goes_first() -> None:
    async def main() -> bytes:
        server = await asyncio.start_server(lambda reader, writer: writer.write(b"hello\n"), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        line = await reader.readline()
        writer.close()
        server.close()
        return line

    with VirtualClockLoop() as loop:
        assert loop.run(main()) == b"hello\n"
