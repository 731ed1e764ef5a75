"""For whoever runs the service: whether it lives, whether it can answer, what it has done. Nothing of anybody's."""

import threading
from collections.abc import Callable, Iterable
from time import monotonic

import httpx
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.metrics import CONTENT_TYPE, shown
from assistant.bootstrap import Installation
from assistant.errors import XueshiError
from assistant.retrieval.index import Index
from assistant.retrieval.shelf import catalogue
from assistant.settings import Settings
from assistant.store import policies

# What is said of a part that is down: which, and where to look; nothing of what it said itself.
_DOWN = {
    "database": "数据库无法读取：请检查数据库是否在运行、磁盘是否已满，再运行 xueshi doctor。",
    "policies": "政策库没有建立索引：请运行 xueshi ingest policies。",
    "vectors": "向量库无法读取：请检查 Chroma 是否在运行，再运行 xueshi doctor。",
    "model": "语言模型无法连接，由内置的规划器作答：请检查它的服务和网络，再运行 xueshi doctor。",
}
_UNINDEXED = "向量库里没有现有政策的索引，查条款的问题无法作答：请运行 xueshi ingest policies。"
_NOBODY = {502, 503, 504}  # a proxy says that nobody is behind it
_PATIENCE, _BELIEVED = 2.0, 15.0  # seconds: for the model's endpoint; and for how long what was found is believed


class Alive(BaseModel):
    """The process runs."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether questions can be answered. `parts`: `ok`, or what is down. Without the model they still can be."""

    ready: bool
    parts: dict[str, str]


def add(app: FastAPI, installation: Installation) -> None:
    """The routes; none asks who is there."""
    endpoint = _Endpoint(installation.settings)

    @app.get("/healthz", summary="进程在运行")
    def healthz() -> Alive:
        return Alive()

    @app.get("/readyz", summary="可以作答；哪一部分不行会写明", responses={503: {"model": Readiness}})
    def readyz() -> JSONResponse:
        good, indexed = {"database": True, "policies": False}, set[str]()
        try:
            with installation.database.read() as connection:
                good["policies"] = _works(lambda: policies.rule_sets(connection))
                indexed = {vectors for _, vectors in catalogue(connection).stamps.values()}
        except XueshiError:
            good |= {"database": False, "policies": True}  # nobody knows
        parts = {part: "ok" if works else _DOWN[part] for part, works in good.items()}
        parts["vectors"] = _vectors(installation.index, indexed)
        ready = {*parts.values()} == {"ok"}
        if endpoint.address:
            parts["model"] = "ok" if endpoint.answers() else _DOWN["model"]
        return JSONResponse(Readiness(ready=ready, parts=parts).model_dump(), 200 if ready else 503)

    @app.get(
        "/metrics",
        summary="计数和耗时，供 Prometheus 读取；不含个人信息",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics() -> Response:
        return Response(shown(), media_type=CONTENT_TYPE)


class _Endpoint:
    """Where the language model is, if the settings say where."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.model_base_url
        self._until, self._answered = 0.0, False
        self._lock = threading.Lock()

    def answers(self) -> bool:
        """Whether anything answers there: asked now and then, however often we are."""
        with self._lock:
            if monotonic() > self._until:
                self._answered = self._asked()
                self._until = monotonic() + _BELIEVED
            return self._answered

    def _asked(self) -> bool:
        try:
            return httpx.get(f"{self.address}/models", timeout=_PATIENCE).status_code not in _NOBODY
        except httpx.HTTPError:
            return False


def _vectors(index: Index, indexed: Iterable[str]) -> str:
    """`ok`, or what is wrong with them. `indexed`: the names that policies were indexed under."""
    try:
        return "ok" if index.check(indexed) else _UNINDEXED
    except XueshiError:
        return _DOWN["vectors"]


def _works(part: Callable[[], object]) -> bool:
    try:
        part()
    except XueshiError:
        return False
    return True
