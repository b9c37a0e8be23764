"""Files that are never taken for complete before they are: written beside their name, and renamed when all of it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from vivavoce.cli.errors import FAILED, MISUSED, Trouble


class Sink(Protocol):
    """Takes text as it comes."""

    def write(self, text: str) -> None:
        """Write text so that others can read it now."""
        ...


class PartFile:
    """A file in the making: `NAME.part` until `finish`. What is no ordinary file (a pipe, a device) is written to directly.

    Args:
        path: what it will be called.

    Raises:
        Trouble: it cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path if path.exists() and not path.is_file() else path.with_name(path.name + ".part")
        self._size = 0
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            self.file: BinaryIO = self.part.open("wb")
        except OSError as error:
            raise Trouble(f"-o {path} cannot be written: {error.strerror}", MISUSED) from error

    def write(self, text: str) -> None:
        """Write text."""
        self.write_bytes(text.encode())

    def write_bytes(self, data: bytes) -> None:
        """Write bytes.

        Raises:
            Trouble: the disk is full, or gone.
        """
        try:
            self.file.write(data)
            self.file.flush()
            self._size = max(self._size, self.file.tell()) if self.file.seekable() else self._size + len(data)
        except OSError as error:
            raise self._lost(error) from error

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def finish(self) -> None:
        """Give the file its name: it is complete.

        Raises:
            Trouble: that did not work.
        """
        try:
            self.file.close()
            if self.part != self.path:
                os.replace(self.part, self.path)
        except OSError as error:
            raise self._lost(error) from error

    def abandon(self) -> Path | None:
        """Leave what there is under the name of a part, nothing if there is nothing; return where it is."""
        try:
            self.file.close()
            if self.part != self.path and not self._size:
                self.part.unlink()
                return None
        except OSError:  # the trouble that led here has been told already
            return None
        return self.part

    def _lost(self, error: OSError) -> Trouble:
        return Trouble(f"-o {self.path} cannot be written: {error.strerror}", FAILED)


class StandardSink:
    """Standard output as a sink that has no name to be given.

    Args:
        write: where text goes.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
