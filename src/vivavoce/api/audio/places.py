"""How many files are taken in and worked on at once, and how many texts are read aloud: live sessions share the engines, and come first."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from vivavoce.protocol import errors

MOST_UPLOADS: Final = 32
"""Files that may be on this machine at once, one temporary file of up to 25 MB each."""

AT_ONCE: Final = max(1, (os.cpu_count() or 1) // 2)
"""Files that are worked on at once, and clauses that are read aloud at once. Each keeps a processor busy for as long as it takes, so half
of them stay with those who speak now."""

PATIENCE_S: Final = 60.0
"""How long a file waits for its turn: clients try again by themselves, and nobody waits in line who has given up."""


class Places:
    """Places for files. One per process.

    Args:
        at_once: files that are worked on at once, and clauses that are read aloud at once.
        uploads: files that may be received, wait or be worked on at once.
        patience_s: how long one waits to be worked on.

    Attributes:
        taken: files that are there now.
        voice: turns to read a clause aloud, for texts that are all there.
    """

    def __init__(self, at_once: int = AT_ONCE, uploads: int = MOST_UPLOADS, patience_s: float = PATIENCE_S) -> None:
        self._uploads = uploads
        self.taken = 0
        self.voice = asyncio.Semaphore(at_once)
        self._work = asyncio.Semaphore(at_once)
        self._patience_s = patience_s

    @contextmanager
    def upload(self) -> Generator[None]:
        """Hold a place for a file from its first byte to the end of its answer.

        Raises:
            ClientFault: all of them are taken.
        """
        if self.taken >= self._uploads:
            raise errors.overloaded(f"{self._uploads} files are being worked on")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @asynccontextmanager
    async def work(self) -> AsyncGenerator[None]:
        """Wait for a turn, first come, first served, and hold it.

        Raises:
            ClientFault: it did not come in time.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._work.acquire()
        except TimeoutError as error:
            raise errors.overloaded("files have to wait for each other") from error
        try:
            yield
        finally:
            self._work.release()
