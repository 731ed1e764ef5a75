"""The door to pgvector, LangChain's vector store for PostgreSQL: for whoever wants one database only.

Nearest neighbours are exact: no approximate index is made, and a clause's text stays in the database's own tables.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_postgres import Column, PGEngine, PGVectorStore

from assistant.errors import SettingsError

if TYPE_CHECKING:
    from assistant.retrieval.embed import Vectors

_POLICY = "policy_id"
_PATIENCE = 10  # seconds until a server that doesn't answer is given up
# PostgreSQL's codes: the extension's files aren't there (two of them), making it isn't allowed.
_NO_EXTENSION = {"0A000", "58P01", "42501"}
_THERE = "42P07"


class _Elsewhere(Embeddings):
    """What LangChain asks for and this store never uses: texts come with their vectors."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError


class PgVector:
    """A table of vectors; as `assistant.retrieval.index.Store` says."""

    def __init__(self, address: str, table: str, dimensions: int) -> None:
        """`address`: `postgresql+psycopg://…`. SettingsError: the database has no pgvector."""
        self._table, self._dimensions = table, dimensions
        place = urlsplit(address)
        self.name = f"pgvector {place.hostname or ''}:{place.port or ''}{place.path}"
        self._engine = PGEngine.from_connection_string(
            address, pool_pre_ping=True, connect_args={"connect_timeout": _PATIENCE}
        )
        self.open()

    def open(self) -> None:
        try:
            self._store = self._found()
        except ValueError:  # LangChain's word for a table that isn't there
            self._make()
            self._store = self._found()

    def _found(self) -> PGVectorStore:
        return PGVectorStore.create_sync(self._engine, _Elsewhere(), self._table, metadata_columns=[_POLICY])

    def _make(self) -> None:
        key = Column("langchain_id", "TEXT", nullable=False)
        columns = [Column(_POLICY, "TEXT", nullable=False)]
        try:
            self._engine.init_vectorstore_table(
                self._table, self._dimensions, id_column=key, metadata_columns=[*columns], store_metadata=False
            )
        except Exception as error:
            code = getattr(getattr(error, "orig", None), "sqlstate", None)
            if code in _NO_EXTENSION:
                raise SettingsError(
                    "设置 XUESHI_VECTOR_URL 所指的 PostgreSQL 还不能用 pgvector：请由数据库管理员安装该扩展，"
                    "并在这个库里执行 CREATE EXTENSION vector。"
                ) from None
            if code != _THERE:  # made by another process since
                raise

    def is_empty(self) -> bool:
        return not self._store.get(limit=1, include=[])["ids"]

    def there(self, keys: Sequence[str]) -> set[str]:
        return set(self._store.get(ids=keys, include=[])["ids"])

    def of(self, policy_ids: Sequence[str]) -> list[str]:
        found: list[str] = self._store.get(where=_of(policy_ids), include=[])["ids"]
        return found

    def add(self, keys: Sequence[str], vectors: "Vectors", policy_ids: Sequence[str]) -> None:
        metadata = [{_POLICY: policy_id} for policy_id in policy_ids]
        self._store.add_embeddings([""] * len(keys), vectors.tolist(), metadata, [*keys])

    def delete(self, keys: Sequence[str]) -> None:
        self._store.delete([*keys])

    def vectors(self, keys: Sequence[str]) -> "dict[str, Vectors]":
        found = self._store.get(ids=keys, include=["embeddings"])
        made = [np.array(json.loads(vector), np.float32) for vector in found["embeddings"]]
        return dict(zip(found["ids"], made, strict=True))

    def nearest(self, vector: "Vectors", policy_ids: Sequence[str] | None, limit: int) -> dict[str, float]:
        among = None if policy_ids is None else _of(policy_ids)
        found = self._store.similarity_search_with_score_by_vector(vector.tolist(), limit, among)
        return {str(clause.id): 1 - distance for clause, distance in found}

    def close(self) -> None:
        self._engine._run_as_sync(self._engine.close())


def _of(policy_ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    return {_POLICY: {"$in": [*policy_ids]}}
