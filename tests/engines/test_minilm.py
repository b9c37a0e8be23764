"""The sentence encoder: same tokens, same numbers as a plain reading of the papers; no weights in the repository."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.engines.llm.minilm import SentenceEncoder, WordPiece, read_safetensors, split_words
from vivavoce.engines.ports import EngineFault

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "cat",
    "play",
    "##ing",
    "##s",
    "un",
    "##able",
    "cafe",
    "!",
    "'",
    "東",
]
HIDDEN, INNER, HEADS, LAYERS, POSITIONS = 12, 20, 3, 2, 32
Tensors = dict[str, NDArray[np.float32]]


def write_safetensors(path: Path, tensors: Tensors) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(tensor.tobytes() for tensor in tensors.values()))


def random_bert(seed: int = 7) -> Tensors:
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.6, shape).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": some(len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": some(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": some(2, HIDDEN),
        "embeddings.LayerNorm.weight": some(HIDDEN),
        "embeddings.LayerNorm.bias": some(HIDDEN),
    }
    shapes = {
        "attention.self.query": (HIDDEN, HIDDEN),
        "attention.self.key": (HIDDEN, HIDDEN),
        "attention.self.value": (HIDDEN, HIDDEN),
        "attention.output.dense": (HIDDEN, HIDDEN),
        "intermediate.dense": (INNER, HIDDEN),
        "output.dense": (HIDDEN, INNER),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            tensors[f"encoder.layer.{layer}.{name}.weight"] = some(*shape)
            tensors[f"encoder.layer.{layer}.{name}.bias"] = some(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"encoder.layer.{layer}.{name}.weight"] = some(HIDDEN)
            tensors[f"encoder.layer.{layer}.{name}.bias"] = some(HIDDEN)
    return tensors


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    write_safetensors(tmp_path / "model.safetensors", random_bert())
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    config = {
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def reference(tensors: Tensors, ids: list[int]) -> NDArray[np.float64]:
    """BERT written out with loops in double precision: one sentence, one head at a time, the exact error function."""
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        rows = [(row - row.mean()) / math.sqrt(row.var() + 1e-12) for row in x]
        return np.array(rows) * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    gelu: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.vectorize(
        lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2)))
    )
    x = np.array(
        [
            weights["embeddings.word_embeddings.weight"][token]
            + weights["embeddings.position_embeddings.weight"][place]
            + weights["embeddings.token_type_embeddings.weight"][0]
            for place, token in enumerate(ids)
        ]
    )
    x = norm(x, "embeddings.LayerNorm")
    size = HIDDEN // HEADS
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value"))
        heads = []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / math.sqrt(size)
            soft = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            heads.append(soft @ v[:, part])
        x = norm(x + dense(np.concatenate(heads, axis=1), f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        x = norm(x + dense(gelu(dense(x, f"{at}.intermediate.dense")), f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = x.mean(axis=0)
    unit: NDArray[np.float64] = mean / np.linalg.norm(mean)
    return unit


def test_words_split_at_punctuation_lose_accents_and_case() -> None:
    assert split_words("The Café's 東京!\tok") == ["the", "cafe", "'", "s", "東", "京", "!", "ok"]


def test_pieces_are_the_longest_that_fit_and_unknown_words_are_one_unknown() -> None:
    pieces = WordPiece({piece: index for index, piece in enumerate(VOCABULARY)})
    assert pieces.ids("Playing cats") == [2, 7, 8, 6, 9, 3]
    assert pieces.ids("unable dog!") == [2, 10, 11, 1, 13, 3]
    assert pieces.ids("") == [2, 3]
    assert pieces.ids("the " * 500, limit=8) == [2, 5, 5, 5, 5, 5, 5, 3]


def test_embeddings_equal_an_independent_implementation(tiny: Path) -> None:
    encoder = SentenceEncoder(tiny)
    texts = ["the cat", "playing cats unable cafe !", "", "the the the the the play s"]
    vectors = encoder.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, HIDDEN) == (4, encoder.dimensions)
    pieces = WordPiece.from_folder(tiny)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, reference(random_bert(), pieces.ids(text)), atol=2e-5)


def test_an_embedding_does_not_depend_on_its_batch(tiny: Path) -> None:
    encoder = SentenceEncoder(tiny)
    texts = [" ".join(["the", "cat", "playing"][: 1 + index % 3] * (1 + index % 4)) for index in range(40)]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_no_sentences_give_no_rows(tiny: Path) -> None:
    assert SentenceEncoder(tiny).encode([]).shape == (0, HIDDEN)


def test_the_vocabulary_may_come_from_tokenizer_json(tiny: Path) -> None:
    before = SentenceEncoder(tiny).encode(["playing cats"])
    (tiny / "vocab.txt").unlink()
    document = {"model": {"vocab": {piece: index for index, piece in enumerate(VOCABULARY)}}}
    (tiny / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    np.testing.assert_array_equal(SentenceEncoder(tiny).encode(["playing cats"]), before)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_missing_file_is_an_engine_fault(tiny: Path, name: str) -> None:
    (tiny / name).unlink()
    with pytest.raises(EngineFault):
        SentenceEncoder(tiny)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x02\x00\x00\x00\x00\x00\x00\x00[]"])
def test_a_broken_weight_file_is_an_engine_fault(tiny: Path, content: bytes) -> None:
    (tiny / "model.safetensors").write_bytes(content)
    with pytest.raises(EngineFault):
        SentenceEncoder(tiny)


def test_safetensors_are_read_by_name_and_shape(tmp_path: Path) -> None:
    write_safetensors(
        tmp_path / "x.safetensors", {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(0, np.float32)}
    )
    tensors = read_safetensors(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(tensors["a"], [[0, 1, 2], [3, 4, 5]])
    assert tensors["b"].shape == (0,)


@pytest.fixture(scope="module")
def published() -> SentenceEncoder:
    """The published weights, where the model store has them."""
    home = os.environ.get("VIVAVOCE_HOME")
    found = sorted(Path(home).rglob("model.safetensors")) if home else []
    folder = next((path.parent for path in found if (path.parent / "vocab.txt").is_file()), None)
    if folder is None:
        pytest.skip("no all-MiniLM-L6-v2 under VIVAVOCE_HOME")
    return SentenceEncoder(folder)


def test_published_weights_give_the_published_similarities(published: SentenceEncoder) -> None:
    """Source: the similarity widget of the model card of sentence-transformers/all-MiniLM-L6-v2."""
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = published.encode(texts)
    np.testing.assert_allclose(vectors[0] @ vectors[1:].T, [0.695, 0.943, 0.257], atol=1e-3)
