"""A vector for every clause, found by meaning.

The database holds the texts; this index can be thrown away and made again. It is kept in Chroma or in pgvector, each
behind its own door beside this module. Embedded Chroma belongs to one process at a time, since two corrupt it without a
word; a server is shared.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from filelock import FileLock, Timeout

from assistant.errors import HomeInUse, SettingsError, Unavailable, XueshiError, trace
from assistant.settings import EMBEDDED, Settings
from assistant.store.database import Database

if TYPE_CHECKING:
    from assistant.retrieval.embed import Embedder, Vectors

_LOG = logging.getLogger(__name__)
_UNREAD = "向量库暂时无法读取，请稍后再试。"
_UNWRITTEN = "向量库暂时无法写入，没有读入完的政策仍是原来的：请确认向量库在运行、磁盘没有满，再运行一次。"
_BATCH = 5000  # Chroma takes at most 5,461 rows at a time.
_LOG = logging.getLogger(__name__)
_LACKING = (
    "政策索引不完整，可能正在更新：请稍后再试。一直如此，请核对 XUESHI_VECTOR_URL（几台机器须指向同一个服务器），"
    "清空向量库后重新运行 xueshi ingest policies。"
)


class Entry(NamedTuple):
    """A clause to be found: its policy and locator, and the words it is found by."""

    policy_id: str
    locator: str
    words: str

    @property
    def key(self) -> str:
        """The same clause with other words is another entry: old and new can stand side by side."""
        return f"{self.policy_id}#{self.locator}@{hashlib.sha256(self.words.encode()).hexdigest()[:16]}"


class Store(Protocol):
    """Where vectors of one model are kept: each under a key, of a policy. Fails with whatever its client raises."""

    @property
    def name(self) -> str:
        """Which store it is, without secrets: the same from everywhere, another once it was made anew."""

    def open(self) -> None:
        """Find it, or make it; again, where it may have been made anew since."""

    def is_empty(self) -> bool:
        """Whether nothing is kept."""

    def there(self, keys: Sequence[str]) -> set[str]:
        """Those of some keys that are kept."""

    def of(self, policy_ids: Sequence[str]) -> list[str]:
        """The keys of some policies."""

    def add(self, keys: Sequence[str], vectors: "Vectors", policy_ids: Sequence[str]) -> None:
        """Keep vectors, shape (number of keys, dimensions); each key's policy."""

    def delete(self, keys: Sequence[str]) -> None:
        """Forget some keys."""

    def vectors(self, keys: Sequence[str]) -> "dict[str, Vectors]":
        """The vectors of some keys, as far as they are kept."""

    def nearest(self, vector: "Vectors", policy_ids: Sequence[str] | None, limit: int) -> dict[str, float]:
        """The keys nearest to a vector with their cosine similarity; of some policies or (None) of all."""

    def close(self) -> None:
        """Let go of it."""


class Index:
    """Vectors of clauses. Nothing heavy is imported or opened before the first use.

    From then on any call may raise HomeInUse: another process owns the embedded store; Unavailable: the store can't be
    reached, or fails; SettingsError: it can't be what the settings say.
    """

    def __init__(self, home: Path, vector_url: str, model: str) -> None:
        self._home, self._url, self._model = home, vector_url, model
        self._lock = FileLock(home / "vectors.lock", thread_local=False)  # whichever thread closes it

    @cached_property
    def embedder(self) -> "Embedder":
        """The sentence-embedding model in force."""
        from assistant.retrieval.embed import load_embedder

        return load_embedder(self._model or None)

    @property
    def _is_embedded(self) -> bool:
        return self._url == EMBEDDED

    @property
    def stamp(self) -> str:
        """Names this index and the model its vectors are of; what was indexed under another must be indexed anew."""
        name = EMBEDDED if self._is_embedded else self._store.name
        return f"{name}|{self.embedder.fingerprint}"

    def holds(self, stamps: Iterable[str]) -> bool:
        """Whether all that was indexed under these names is here; "": indexed under any."""
        wanted = {*stamps} - {""}
        if not wanted <= {self.stamp} and not self._is_embedded:
            with _told():
                self._store.open()  # its server may have lost it and been given it anew since
        return wanted <= {self.stamp}

    @property
    def made(self) -> bool:
        """Whether anything was ever indexed; the embedded store isn't opened for it."""
        if self._is_embedded:
            return (self._folder / "chroma.sqlite3").exists()
        with _told():
            return not self._store.is_empty()

    @property
    def _folder(self) -> Path:
        return self._home / "vectors"

    @cached_property
    def _store(self) -> Store:
        if self._is_embedded:
            self._own()
        try:
            return self._opened(hashlib.sha256(self.embedder.fingerprint.encode()).hexdigest()[:16])
        except XueshiError:
            raise
        except Exception as error:
            _LOG.error("opening failed: %s", trace(error))
            raise Unavailable(
                "向量库打不开：请核对 XUESHI_VECTOR_URL，并确认它所指的 Chroma 或 PostgreSQL 服务器已启动。"
            ) from None

    def _own(self) -> None:
        self._home.mkdir(0o700, parents=True, exist_ok=True)  # nobody else's to read
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise HomeInUse(
                f"{self._home} 正被另一个学时通进程使用（多半是 xueshi serve）：请先停止它，或直接向它提问。"
            ) from None

    def _opened(self, name: str) -> Store:
        """`name`: of the embedding model."""
        if self._url.startswith("postgresql"):
            try:
                from assistant.retrieval.pgvector import PgVector
            except ModuleNotFoundError:
                raise SettingsError(
                    "设置 XUESHI_VECTOR_URL 指向 PostgreSQL 时要用 pgvector：请运行 pip install 'xueshi[pgvector]'。"
                ) from None
            return PgVector(self._url, f"clauses_{name}", self.embedder.dimensions)
        from assistant.retrieval import chroma

        collection = f"clauses-{name}"
        return chroma.embedded(self._folder, collection) if self._is_embedded else chroma.served(self._url, collection)

    def open(self) -> None:
        """Open it now."""
        _ = self._store

    def check(self, stamps: Iterable[str] = ()) -> bool:
        """Whether what was indexed under these names (as `holds`) seems to be here. Unavailable: it can't be read now.

        Asks whether there is anything, not for every vector: cheap enough to be asked all the time.
        """
        wanted = {*stamps} - {""}
        with _told():
            self._store.open()  # its server may have lost it since
            is_empty = self._store.is_empty()
        return not wanted or (not is_empty and wanted == {self.stamp})

    def close(self) -> None:
        """Let another process have it."""
        if store := self.__dict__.pop("_store", None):
            store.close()
        self._lock.release()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add entries; those that are there already stay. Unavailable: some may be missing."""
        fresh = {entry.key: entry for entry in entries}
        for batch in _batches(fresh):
            with _told():
                there = self._store.there(batch)
                if batch := [key for key in batch if key not in there]:
                    vectors = self.embedder.embed([fresh[key].words for key in batch])
                    self._store.add(batch, vectors, [fresh[key].policy_id for key in batch])

    def keep_only(self, policy_ids: Sequence[str], entries: Iterable[Entry]) -> None:
        """Forget whatever else there is of some policies. Unavailable: some may be left."""
        kept = {entry.key for entry in entries}
        with _told():
            stale = [key for key in self._store.of(policy_ids) if key not in kept]
            for batch in _batches(stale):
                self._store.delete(batch)

    def vectors(self, keys: Sequence[str]) -> "Vectors":
        """The vectors of entries, a row each. Unavailable: one isn't there."""
        import numpy as np

        rows, made = {key: row for row, key in enumerate(keys)}, np.zeros((len(keys), self.embedder.dimensions), "f4")
        with _told():
            for batch in _batches(keys):
                found = self._store.vectors(batch)
                if len(found) < len(batch):
                    raise Unavailable(_LACKING)
                for key, vector in found.items():
                    made[rows[key]] = vector
        return made

    def nearest(self, query: str, policy_ids: Sequence[str] | None, limit: int) -> dict[str, float]:
        """Keys of the entries nearest in meaning, with their cosines; of some policies or (None) all. Unavailable."""
        if policy_ids is not None and not policy_ids:
            return {}
        with _told():
            return self._store.nearest(self.embedder.embed([query])[0], policy_ids, limit)


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    every = [*keys]
    for start in range(0, len(every), _BATCH):
        yield every[start : start + _BATCH]


@contextmanager
def _told() -> Iterator[None]:
    """What a store's client raises, as Unavailable."""
    try:
        yield
    except XueshiError:
        raise
    except Exception as error:
        _LOG.error("the store failed: %s", trace(error))
        raise Unavailable("向量库暂时无法读写，请稍后再试。") from None


def open_stores(settings: Settings) -> tuple[Database, Index]:
    """The two stores of an installation."""
    return Database(settings.database), Index(settings.home, settings.vector_url, settings.embedding_model)
