"""The one way into a session: a queue with a single reader."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from vivavoce.core.inputs import Input

CROWDED: Final = 512
"""Inputs waiting beyond which clients and engines are asked to wait."""


class Inbox:
    """Inputs in order of arrival. Putting never blocks (detectors report from callbacks); whoever can wait, waits for room."""

    def __init__(self) -> None:
        self._inputs: deque[Input] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()

    def __len__(self) -> int:
        return len(self._inputs)

    def put(self, event: Input) -> None:
        """Add an input."""
        self._inputs.append(event)
        self._filled.set()
        self._idle.clear()
        if len(self._inputs) > CROWDED:
            self._room.clear()

    async def room(self) -> None:
        """Wait until the queue is not crowded."""
        await self._room.wait()

    def release(self) -> None:
        """Let everybody go who waits: nobody reads any more."""
        self._idle.set()
        self._room.set()

    async def handled(self) -> None:
        """Wait until everything put so far has been handled."""
        await self._idle.wait()

    async def get(self) -> Input:
        """Return the next input, waiting for one."""
        while not self._inputs:
            self._filled.clear()
            self._idle.set()
            await self._filled.wait()
        event = self._inputs.popleft()
        if len(self._inputs) <= CROWDED // 2:
            self._room.set()
        return event
