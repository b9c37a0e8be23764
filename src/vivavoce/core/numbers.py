"""The numbers engine jobs go by: a result under an old number finds nobody, and changes nothing (I6)."""

from __future__ import annotations


class Numbers:
    """Growing numbers, shared by all of a session that start jobs: none is ever given twice."""

    def __init__(self) -> None:
        self._job = 0
        self._epoch = 0

    def job(self) -> int:
        """Return the number of a new recognition."""
        self._job += 1
        return self._job

    def epoch(self) -> int:
        """Return the number of a new listening epoch."""
        self._epoch += 1
        return self._epoch
