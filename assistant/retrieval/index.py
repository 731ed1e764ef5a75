"""The one door to Chroma: a vector for every clause, found by meaning.

The database holds the texts; this index can be thrown away and made again. Embedded, it belongs to one process at a
time, since two corrupt it without a word; `chroma+http://host:port` shares a server.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from assistant.errors import HomeInUse, Unavailable, XueshiError, trace
from assistant.settings import Settings
from assistant.store.database import Database

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Where

    from assistant.retrieval.embed import Embedder, Vectors

_LOG = logging.getLogger(__name__)
_UNREAD = "向量库暂时无法读取，请稍后再试。"
_UNWRITTEN = "向量库暂时无法写入，没有读入完的政策仍是原来的：请确认向量库在运行、磁盘没有满，再运行一次。"
_BATCH = 5000  # Chroma takes at most 5,461 rows at a time.
# Chroma's defaults find 73% of the true neighbours of random vectors, these 99.8%.
_HNSW: "CreateHNSWConfiguration" = {"space": "cosine", "ef_construction": 200, "ef_search": 500, "max_neighbors": 32}


class Entry(NamedTuple):
    """A clause to be found: its policy and locator, and the words it is found by."""

    policy_id: str
    locator: str
    words: str

    @property
    def key(self) -> str:
        """The same clause with other words is another entry: old and new can stand side by side."""
        return f"{self.policy_id}#{self.locator}@{hashlib.sha256(self.words.encode()).hexdigest()[:16]}"


class Index:
    """Vectors of clauses. Nothing heavy is imported or opened before the first use."""

    def __init__(self, home: Path, vector_url: str, model: str) -> None:
        self._home, self._url, self._model = home, vector_url, model
        self._lock = FileLock(home / "vectors.lock")

    @cached_property
    def embedder(self) -> "Embedder":
        """The sentence-embedding model in force."""
        from assistant.retrieval.embed import load_embedder

        return load_embedder(self._model or None)

    @property
    def stamp(self) -> str:
        """Names this index and the model its vectors are of; what was indexed under another must be indexed anew."""
        return f"{self._url}|{self.embedder.fingerprint}"

    @property
    def made(self) -> bool:
        """Whether the store was ever written: the embedded one isn't opened for it. Unavailable: a server is away."""
        if self._url == "chroma:":
            return (self._folder / "chroma.sqlite3").exists()
        with self._reaching(_UNREAD):
            return self._collection.count() > 0

    @property
    def _folder(self) -> Path:
        return self._home / "vectors"

    @cached_property
    def _client(self) -> "ClientAPI":
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        if self._url == "chroma:":
            self._home.mkdir(0o700, parents=True, exist_ok=True)  # nobody else's to read
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise HomeInUse(
                    f"{self._home} 正被另一个学时通进程使用（多半是 xueshi serve）：请先停止它，或直接向它提问。"
                ) from None
            return chromadb.PersistentClient(str(self._folder), settings=quiet)
        server = urlsplit(self._url.removeprefix("chroma+"))
        try:
            return chromadb.HttpClient(server.hostname or "localhost", server.port or 8000, settings=quiet)
        except ValueError:
            raise Unavailable("连不上向量库：请核对 XUESHI_VECTOR_URL，并确认 Chroma 服务器已启动。") from None

    @cached_property
    def _collection(self) -> "Collection":
        name = f"clauses-{hashlib.sha256(self.embedder.fingerprint.encode()).hexdigest()[:16]}"
        return self._client.get_or_create_collection(name, configuration={"hnsw": _HNSW}, embedding_function=None)

    def open(self) -> None:
        """Open it now. HomeInUse: another process owns it; Unavailable: the server doesn't answer."""
        with self._reaching(_UNREAD):
            _ = self._collection

    def check(self) -> None:
        """Unavailable: it can't be read now."""
        with self._reaching(_UNREAD):
            self._collection.count()

    @contextmanager
    def _reaching(self, failed: str) -> Iterator[None]:
        """Unavailable in place of whatever Chroma raises, which is of many kinds and tells addresses and folders."""
        try:
            yield
        except XueshiError:
            raise
        except Exception as error:
            _LOG.error("the vector store failed: %s", trace(error))
            self.__dict__.pop("_collection", None)  # it may be another when its server is back
            raise Unavailable(failed) from None

    def close(self) -> None:
        """Let another process have it."""
        self.__dict__.pop("_collection", None)
        client = self.__dict__.pop("_client", None)
        if client is not None and hasattr(client, "close"):
            client.close()
        self._lock.release()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add entries; those that are there already stay. Unavailable: some may be missing."""
        fresh = {entry.key: entry for entry in entries}
        keys = list(fresh)
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            with self._reaching(_UNWRITTEN):
                there = set(self._collection.get(ids=batch, include=[])["ids"])
            batch = [key for key in batch if key not in there]
            if not batch:
                continue
            vectors = self.embedder.embed([fresh[key].words for key in batch])
            policies = [{"policy_id": fresh[key].policy_id} for key in batch]
            with self._reaching(_UNWRITTEN):
                self._collection.add(ids=batch, embeddings=vectors, metadatas=[*policies])

    def keep_only(self, policy_ids: Sequence[str], entries: Iterable[Entry]) -> None:
        """Forget whatever else there is of some policies. Unavailable: some may be left."""
        kept = {entry.key for entry in entries}
        with self._reaching(_UNWRITTEN):
            there = self._collection.get(where=_of(policy_ids), include=[])["ids"]
            stale = [key for key in there if key not in kept]
            for start in range(0, len(stale), _BATCH):
                self._collection.delete(ids=stale[start : start + _BATCH])

    def vectors(self, keys: Sequence[str]) -> "Vectors":
        """The vectors of entries, a row each; zeros for an entry that isn't there. Unavailable."""
        import numpy as np

        rows, made = {key: row for row, key in enumerate(keys)}, np.zeros((len(keys), self.embedder.dimensions), "f4")
        for start in range(0, len(keys), _BATCH):
            with self._reaching(_UNREAD):
                found = self._collection.get(ids=[*keys[start : start + _BATCH]], include=["embeddings"])
            for key, vector in zip(found["ids"], cast("Vectors", found["embeddings"]), strict=True):
                made[rows[key]] = vector
        return made

    def nearest(self, query: str, policy_ids: Sequence[str] | None, limit: int) -> dict[str, float]:
        """Keys of the entries nearest in meaning, with their cosines; of some policies or (None) all. Unavailable."""
        if policy_ids is not None and not policy_ids:
            return {}
        vector = self.embedder.embed([query])
        among = None if policy_ids is None else _of(policy_ids)
        with self._reaching(_UNREAD):
            found = self._collection.query(query_embeddings=vector, n_results=limit, where=among, include=["distances"])
        distances = (found["distances"] or [[]])[0]
        return {key: 1 - distance for key, distance in zip(found["ids"][0], distances, strict=True)}


def _of(policy_ids: Sequence[str]) -> "Where":
    return cast("Where", {"policy_id": {"$in": [*policy_ids]}})


def open_stores(settings: Settings) -> tuple[Database, Index]:
    """The two stores of an installation."""
    return Database(settings.database), Index(settings.home, settings.vector_url, settings.embedding_model)
