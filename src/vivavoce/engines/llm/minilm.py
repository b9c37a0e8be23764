"""Sentence embeddings by all-MiniLM-L6-v2 in numpy: no torch, no tokenizer library, no native code of ours.

A model folder holds `config.json`, `model.safetensors` and `vocab.txt` (or `tokenizer.json`) as published with the model. Any
uncased BERT encoder with that layout works; `SentenceEncoder` reads the sizes from `config.json`.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import EngineFault

Floats = NDArray[np.float32]

_SAFETENSORS_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1"}
_MAX_WORD_CHARS = 100
_MAX_TOKENS = 128
"""Longest input in word pieces, the length the published tokenizer truncates to."""

_BATCH_SENTENCES = 16


def read_safetensors(path: Path) -> dict[str, NDArray[np.generic]]:
    """Map a safetensors file into memory and return its tensors, read-only, by name.

    Raises:
        ValueError: the file is not a safetensors file, or holds a type numpy has no name for.

    Source: format description in the safetensors README: 8-byte little-endian header length, JSON header, data.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if not 0 < header_bytes <= size - 8:
            raise ValueError(f"{path.name} is not a safetensors file")
        header = json.loads(file.read(header_bytes))
    if not isinstance(header, dict):
        raise ValueError(f"{path.name} is not a safetensors file")
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + header_bytes)
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype = _SAFETENSORS_DTYPES.get(entry["dtype"])
        if dtype is None:
            raise ValueError(f"{path.name}: tensor {name} has the unsupported type {entry['dtype']}")
        begin, end = entry["data_offsets"]
        tensors[name] = data[begin:end].view(dtype).reshape(entry["shape"])
    return tensors


class WordPiece:
    """The uncased BERT tokenizer: clean, lower, strip accents, split at punctuation, then longest piece first.

    Source: Devlin et al. 2018, `tokenization.py` of google-research/bert.
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._unknown = vocabulary["[UNK]"]
        self._start = vocabulary["[CLS]"]
        self._end = vocabulary["[SEP]"]

    @classmethod
    def from_folder(cls, folder: Path) -> WordPiece:
        """Read `vocab.txt`, or the vocabulary inside `tokenizer.json` where the former is absent.

        Raises:
            FileNotFoundError: the folder has neither.
        """
        plain = folder / "vocab.txt"
        if plain.is_file():
            pieces = plain.read_text(encoding="utf-8").rstrip("\n").split("\n")
            return cls({piece: index for index, piece in enumerate(pieces)})
        document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        return cls(document["model"]["vocab"])

    def ids(self, text: str, limit: int = _MAX_TOKENS) -> list[int]:
        """Return the piece ids of `text` between [CLS] and [SEP], at most `limit` in all."""
        pieces: list[int] = []
        for word in split_words(text):
            pieces.extend(self._pieces(word))
            if len(pieces) >= limit - 2:
                break
        return [self._start, *pieces[: limit - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _MAX_WORD_CHARS:
            return [self._unknown]
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = len(word)
            while end > start and prefix + word[start:end] not in self._vocabulary:
                end -= 1
            if end == start:
                return [self._unknown]
            pieces.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return pieces


def split_words(text: str) -> list[str]:
    """Split `text` the way BERT does before word pieces: lower case, no accents, each punctuation mark and CJK sign alone."""
    words: list[str] = []
    current: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or char in "\x00\ufffd" or (category.startswith("C") and char not in "\t\n\r"):
            continue
        alone = _is_punctuation(char, category) or _is_cjk(char)
        if (char.isspace() or alone) and current:
            words.append("".join(current))
            current = []
        if alone:
            words.append(char)
        elif not char.isspace():
            current.append(char)
    if current:
        words.append("".join(current))
    return words


def _is_punctuation(char: str, category: str) -> bool:
    return category.startswith("P") or (char.isascii() and char.isprintable() and not char.isalnum() and char != " ")


def _is_cjk(char: str) -> bool:
    code = ord(char)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x2FA1F


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One transformer block, weights ready for `x @ w + b`."""

    qkv_w: Floats
    qkv_b: Floats
    out_w: Floats
    out_b: Floats
    attention_norm: tuple[Floats, Floats]
    up_w: Floats
    up_b: Floats
    down_w: Floats
    down_b: Floats
    output_norm: tuple[Floats, Floats]


class SentenceEncoder:
    """Embeds sentences as unit vectors; thread-safe after construction.

    Args:
        model_dir: folder with `config.json`, `model.safetensors` and a vocabulary.

    Raises:
        EngineFault: a file is missing or is not what it should be.
    """

    def __init__(self, model_dir: Path) -> None:
        try:
            config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
            tensors = read_safetensors(model_dir / "model.safetensors")
            self._tokenizer = WordPiece.from_folder(model_dir)
            self._heads = int(config["num_attention_heads"])
            self._epsilon = float(config["layer_norm_eps"])
            self._positions_limit = int(config["max_position_embeddings"])
            self._words = _floats(tensors, "embeddings.word_embeddings.weight", copy=False)
            self._positions = _floats(tensors, "embeddings.position_embeddings.weight")
            self._segment = _floats(tensors, "embeddings.token_type_embeddings.weight")[0]
            self._embedding_norm = _norm(tensors, "embeddings.LayerNorm")
            self._layers = tuple(_layer(tensors, index) for index in range(int(config["num_hidden_layers"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineFault(f"the sentence encoder cannot be loaded: {error}", temporary=False) from error

    @property
    def dimensions(self) -> int:
        """Length of an embedding: 384 for MiniLM-L6."""
        return int(self._words.shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Embed `texts`: float32 [n, dimensions], each row of length 1, mean-pooled over all pieces.

        Sentences are batched by length, so that short ones do not pay for long ones.
        """
        limit = min(_MAX_TOKENS, self._positions_limit)
        ids = [self._tokenizer.ids(text, limit) for text in texts]
        out = np.empty((len(ids), self.dimensions), dtype=np.float32)
        by_length = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        for start in range(0, len(by_length), _BATCH_SENTENCES):
            batch = by_length[start : start + _BATCH_SENTENCES]
            out[batch] = self._encode_batch([ids[index] for index in batch])
        return out

    def _encode_batch(self, ids: list[list[int]]) -> Floats:
        longest = max(len(row) for row in ids)
        tokens = np.array([row + [0] * (longest - len(row)) for row in ids], dtype=np.int64)
        mask = np.array([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in ids], dtype=np.float32)
        hidden = self._words[tokens] + self._positions[:longest] + self._segment
        hidden = _layer_norm(hidden, self._embedding_norm, self._epsilon)
        penalty = (1.0 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in self._layers:
            hidden = self._block(hidden, layer, penalty)
        pooled = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit: Floats = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), np.float32(1e-9))
        return unit

    def _block(self, hidden: Floats, layer: _Layer, penalty: Floats) -> Floats:
        batch, length, width = hidden.shape
        per_head = width // self._heads
        qkv = (hidden.reshape(-1, width) @ layer.qkv_w + layer.qkv_b).reshape(batch, length, 3, self._heads, per_head)
        query, key, value = np.moveaxis(qkv, (2, 3), (0, 2))
        scores = query @ key.swapaxes(-1, -2) / np.float32(math.sqrt(per_head)) + penalty
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        attended = np.moveaxis(weights @ value, 1, 2).reshape(-1, width) @ layer.out_w + layer.out_b
        hidden = _layer_norm(hidden + attended.reshape(hidden.shape), layer.attention_norm, self._epsilon)
        inner = _gelu(hidden.reshape(-1, width) @ layer.up_w + layer.up_b)
        expanded = (inner @ layer.down_w + layer.down_b).reshape(hidden.shape)
        return _layer_norm(hidden + expanded, layer.output_norm, self._epsilon)


def _floats(tensors: Mapping[str, NDArray[np.generic]], name: str, *, copy: bool = True) -> Floats:
    tensor = tensors.get(name)
    if tensor is None:
        tensor = tensors["bert." + name]
    return np.array(tensor, dtype=np.float32) if copy else np.asarray(tensor, dtype=np.float32)


def _norm(tensors: Mapping[str, NDArray[np.generic]], prefix: str) -> tuple[Floats, Floats]:
    return _floats(tensors, f"{prefix}.weight"), _floats(tensors, f"{prefix}.bias")


def _layer(tensors: Mapping[str, NDArray[np.generic]], index: int) -> _Layer:
    prefix = f"encoder.layer.{index}"

    def dense(name: str) -> tuple[Floats, Floats]:
        weight = _floats(tensors, f"{prefix}.{name}.weight")
        return np.ascontiguousarray(weight.T), _floats(tensors, f"{prefix}.{name}.bias")

    projections = [dense(f"attention.self.{name}") for name in ("query", "key", "value")]
    out_w, out_b = dense("attention.output.dense")
    up_w, up_b = dense("intermediate.dense")
    down_w, down_b = dense("output.dense")
    return _Layer(
        qkv_w=np.ascontiguousarray(np.concatenate([weight for weight, _ in projections], axis=1)),
        qkv_b=np.concatenate([bias for _, bias in projections]),
        out_w=out_w,
        out_b=out_b,
        attention_norm=_norm(tensors, f"{prefix}.attention.output.LayerNorm"),
        up_w=up_w,
        up_b=up_b,
        down_w=down_w,
        down_b=down_b,
        output_norm=_norm(tensors, f"{prefix}.output.LayerNorm"),
    )


def _layer_norm(values: Floats, norm: tuple[Floats, Floats], epsilon: float) -> Floats:
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    scaled: Floats = centred / np.sqrt(variance + np.float32(epsilon)) * norm[0] + norm[1]
    return scaled


def _gelu(values: Floats) -> Floats:
    """Return x * Phi(x) with the error function by rational approximation, absolute error below 1.5e-7.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
    """
    x = np.abs(values) * np.float32(math.sqrt(0.5))
    t = 1.0 / (1.0 + np.float32(0.3275911) * x)
    series: Floats = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(coefficient)
    erf = np.copysign(1.0 - series * t * np.exp(-x * x), values)
    result: Floats = np.float32(0.5) * values * (1.0 + erf)
    return result
