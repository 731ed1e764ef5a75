"""Texts into vectors. The shipped model is read with `tokenizers` and numpy alone; any other costs PyTorch's start."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from assistant.errors import SettingsError

SHIPPED = Path(__file__).parent / "model"
Vectors: TypeAlias = NDArray[np.float32]


class Embedder(Protocol):
    """A sentence-embedding model. Vectors of models of the same `fingerprint` may be compared.

    `shipped`: it is the project's own, so that what its cosines mean is known.
    """

    fingerprint: str
    dimensions: int
    shipped: bool

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors, shape (number of texts, dimensions), each of length 1, or 0 where there is nothing to go by."""


def load_embedder(model: str | None) -> Embedder:
    """The shipped model (None), or one that sentence-transformers can load by its path or name.

    SettingsError: sentence-transformers isn't installed or can't load it.
    """
    return _Static(SHIPPED) if model is None else _SentenceTransformer(model)


class _Static:
    """The mean of the vectors of a text's pieces: what sentence-transformers' StaticEmbedding does."""

    shipped = True

    def __init__(self, folder: Path) -> None:
        self.fingerprint = _of_files(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._pieces: Vectors = load_file(folder / "model.safetensors")["embedding.weight"]
        self.dimensions = self._pieces.shape[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        encodings = self._tokenizer.encode_batch([_sound(text) for text in texts], add_special_tokens=False)
        for vector, encoding in zip(vectors, encodings, strict=True):
            if encoding.ids:
                vector[:] = self._pieces[encoding.ids].mean(axis=0)
        return _to_length_1(vectors)


class _SentenceTransformer:
    """Any model of sentence-transformers; imports it and PyTorch."""

    shipped = False

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise SettingsError(
                f"设置 XUESHI_EMBEDDING_MODEL（{model!r}）需要 sentence-transformers："
                "请运行 pip install 'xueshi[embedding]'，或留空该设置以使用自带模型。"
            ) from None
        try:
            self._model = SentenceTransformer(model)
            self.dimensions = len(self._model.encode("学时", show_progress_bar=False))
        except Exception as error:  # whatever a foreign model's files or the hub raise
            raise SettingsError(
                f"设置 XUESHI_EMBEDDING_MODEL 所指的模型 {model!r} 载入失败（{type(error).__name__}）："
                "请核对路径或名称，或留空该设置以使用自带模型（其他模型需 pip install 'xueshi[embedding]'）。"
            ) from None
        self.fingerprint = _of_files(Path(model)) if Path(model).is_dir() else model

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode([_sound(text) for text in texts], show_progress_bar=False)
        return _to_length_1(np.asarray(vectors, np.float32).reshape(len(texts), self.dimensions))


def _of_files(folder: Path) -> str:
    """SHA-256 over a model's files and their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _sound(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _to_length_1(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return vectors / lengths
