"""The one door to Chroma: embedded in a folder that one process owns, or a server that many share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import chromadb
from chromadb.api.fastapi import FastAPI as OverHttp
from chromadb.config import Settings
from typing_extensions import override  # Chroma demands it

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.types import Where

    from assistant.retrieval.embed import Vectors

_PORT = 8000
# Seconds without a word until a server is given up: somebody waits for what is read; what is written is put into the
# graph first, which takes longer the more there is (5,000 vectors to 15,000 others: 7 s on two slow cores).
_READING, _WRITING = 10.0, 300.0
# Chroma's defaults find 73% of the true neighbours of random vectors, these 99.8%.
_HNSW: "CreateHNSWConfiguration" = {"space": "cosine", "ef_construction": 200, "ef_search": 500, "max_neighbors": 32}


class Impatient(OverHttp):
    """Chroma's HTTP client, which by itself waits for a server for ever and has no setting for it."""

    @override
    def _make_request(self, method: str, path: str, **kwargs: Any) -> Any:
        kwargs["timeout"] = _WRITING if path.endswith(("/add", "/delete")) else _READING
        return super()._make_request(method, path, **kwargs)


class _Served(Settings):
    """Chroma's settings, which name only classes of its own there; but where one is instantiated, ours."""

    def require(self, key: str) -> Any:
        return f"{__name__}.{Impatient.__name__}" if key == "chroma_api_impl" else super().require(key)


class Chroma:
    """A collection; as `assistant.retrieval.index.Store` says."""

    def __init__(self, client: "ClientAPI", name: str) -> None:
        self._client, self._name = client, name
        self.open()

    def open(self) -> None:
        self._collection = self._client.get_or_create_collection(
            self._name, configuration={"hnsw": _HNSW}, embedding_function=None
        )

    @property
    def name(self) -> str:
        # The collection's own, whatever the server is called from here; made anew after a loss, it has another.
        return f"chroma {self._collection.id}"

    def is_empty(self) -> bool:
        return self._collection.count() == 0

    def there(self, keys: Sequence[str]) -> set[str]:
        return set(self._collection.get(ids=[*keys], include=[])["ids"])

    def of(self, policy_ids: Sequence[str]) -> list[str]:
        return self._collection.get(where=_of(policy_ids), include=[])["ids"]

    def add(self, keys: Sequence[str], vectors: "Vectors", policy_ids: Sequence[str]) -> None:
        self._collection.add([*keys], vectors, [{"policy_id": policy_id} for policy_id in policy_ids])

    def delete(self, keys: Sequence[str]) -> None:
        self._collection.delete([*keys])

    def vectors(self, keys: Sequence[str]) -> "dict[str, Vectors]":
        found = self._collection.get(ids=[*keys], include=["embeddings"])
        return dict(zip(found["ids"], cast("Vectors", found["embeddings"]), strict=True))

    def nearest(self, vector: "Vectors", policy_ids: Sequence[str] | None, limit: int) -> dict[str, float]:
        among = None if policy_ids is None else _of(policy_ids)
        found = self._collection.query(
            query_embeddings=vector.reshape(1, -1), n_results=limit, where=among, include=["distances"]
        )
        distances = (found["distances"] or [[]])[0]
        return {key: 1 - distance for key, distance in zip(found["ids"][0], distances, strict=True)}

    def close(self) -> None:
        if hasattr(self._client, "close"):  # its declared type doesn't tell
            self._client.close()


def embedded(folder: Path, name: str) -> Chroma:
    """The collection in a folder, which the caller has locked: two processes corrupt it without a word."""
    return Chroma(chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False)), name)


def served(address: str, name: str) -> Chroma:
    """The collection on the server at `chroma+http://host:port`."""
    server = urlsplit(address)
    settings = _Served(anonymized_telemetry=False)  # this client's own: it writes into them
    return Chroma(chromadb.HttpClient(server.hostname or "localhost", server.port or _PORT, settings=settings), name)


def _of(policy_ids: Sequence[str]) -> "Where":
    return cast("Where", {"policy_id": {"$in": [*policy_ids]}})
