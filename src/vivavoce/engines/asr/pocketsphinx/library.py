"""The vocabularies' models: built once per content, kept as files while the recognizer lives."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import OrderedDict
from pathlib import Path

from vivavoce.engines.asr.pocketsphinx.link import WorkerLost
from vivavoce.engines.asr.pocketsphinx.nursery import Nursery
from vivavoce.engines.asr.pocketsphinx.pool import WorkerPool
from vivavoce.engines.asr.pocketsphinx.protocol import Build, Built
from vivavoce.engines.asr.pocketsphinx.topic import Topic
from vivavoce.engines.ports import EngineFault

KEPT = 256
"""Models kept (about 0.5 MB of disk each); the longest unused goes first."""
_BUILD_S = 20.0
"""A build takes half a second; one that has not answered by now never will."""

_ATTEMPTS = 2
"""Every session with this topic waits for the one build: a builder that dies over it is given a successor before they all fail."""


class Library:
    """Finds the model of a topic, having it built where it is not there yet.

    Building is Python at full speed for half a second, so it is done in a process of its own: in this one it would hold up every
    session, in a listening worker a caller.
    """

    def __init__(self, nursery: Nursery) -> None:
        self._builders = WorkerPool(nursery, 1, lease_timeout_s=_BUILD_S)
        self._folder: Path | None = None
        self._models: OrderedDict[str, asyncio.Task[str]] = OrderedDict()

    async def model(self, topic: Topic) -> str:
        """Return the path of the topic's ARPA file, or nothing where the general model is the right one.

        Raises:
            EngineFault: the model could not be built.
        """
        if topic.is_open:
            return ""
        digest = topic.digest
        task = self._models.get(digest)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._models[digest] = asyncio.create_task(self._build(digest, topic))
            self._forget_oldest()
        self._models.move_to_end(digest)
        return await asyncio.shield(task)  # several sessions may wait for one build; one that leaves must not stop it

    async def close(self) -> None:
        """End the builder and remove the files. Idempotent."""
        for task in self._models.values():
            task.cancel()
        await asyncio.gather(*self._models.values(), return_exceptions=True)
        self._models.clear()
        await self._builders.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _build(self, digest: str, topic: Topic) -> str:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="vivavoce-"))
        path = str(self._folder / f"{digest}.lm")
        for _ in range(_ATTEMPTS):
            built = await self._attempt(path, topic)
            if built is not None:
                return path if built.useful else ""
        raise EngineFault("building the session's language model failed")

    async def _attempt(self, path: str, topic: Topic) -> Built | None:
        """Build once; return None where the builder died over it."""
        async with self._builders.lease() as worker:
            try:
                async with asyncio.timeout(_BUILD_S):
                    await worker.send(Build(worker.next_segment(), path, topic))
                    reply = await worker.receive()
            except (WorkerLost, TimeoutError):
                worker.kill()
                return None
        if not isinstance(reply, Built):
            raise EngineFault(f"building the session's language model failed: {reply}")
        return reply

    def _forget_oldest(self) -> None:
        while len(self._models) > KEPT:
            digest, task = next((item for item in self._models.items() if item[1].done()), (None, None))
            if digest is None or task is None:
                return
            del self._models[digest]
            if self._folder is not None:
                for suffix in (".lm", ".json"):
                    (self._folder / f"{digest}{suffix}").unlink(missing_ok=True)
