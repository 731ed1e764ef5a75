"""The HTTP API and the pages."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import (
    compliance,
    errors,
    feedback,
    imports,
    mcp,
    notes,
    openai,
    operations,
    reminders,
    runs,
    sessions,
    spec,
    threads,
)
from api.limits import MOST, BodyLimit
from api.metrics import METRICS
from api.running import Running
from api.safe import FRAMED, SafeHeaders
from api.sessions import Sessions
from api.tokens import Tokens
from api.views import ClauseView, FoundClause, FoundClauses, Me, PolicyList, PolicyView
from api.watching import HEADER, Watching
from api.wecom import app as wecom_app
from api.wecom import bot as wecom_bot
from api.wecom import login as wecom_login
from api.wecom.client import Client
from api.wecom.post import Post, by_app
from assistant import watch
from assistant.answer import Answer
from assistant.ask import taken
from assistant.bootstrap import Installation, install
from assistant.errors import NotFound
from assistant.identity import Account
from assistant.retrieval.search import search
from assistant.settings import Settings, traced
from assistant.store import policies

PAGES = Path(__file__).parent / "pages"


class Embedding(BaseModel):
    """The origins of sites that may embed the widget: no secret, the headers of `/embed` tell them, too."""

    origins: list[str]


class Question(BaseModel):
    """A question, and the thread that it goes on with."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="1 至 2000 个字")
    thread_id: str | None = None


def create_app(settings: Settings) -> FastAPI:
    """The application. SettingsError, HomeInUse or Unavailable: why it can't start."""
    tokens = Tokens(settings)
    installation = install(settings)
    installation.index.open()
    running = Running(installation)
    wecom = Client(settings, installation.database) if settings.wecom_corp_id else None
    known = Sessions(installation.database, wecom_login.PATH if wecom else None)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with programs.running():
            yield
        for close in (running.close, *closing):
            await run_in_threadpool(close)
        installation.close()

    app = FastAPI(
        title="学时通 Xueshi",
        version="0.1.0",
        description="教师继续教育学时问答：每个数字都有出处。",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the redirect would go wherever the Host header says
    )
    errors.install(app)
    spec.install(app)
    _add_headers(app, settings.origins)
    operations.add(app, installation)
    _add_api(app, installation, running, tokens, known, wecom)
    programs = mcp.add(app, installation, tokens)
    _add_pages(app, installation)
    closing = _add_wecom(app, installation, running, known, wecom)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(BodyLimit, most=_largest)
    _watch(app, closing)
    app.state.tokens = tokens
    app.state.installation = installation
    app.state.running = running
    return app


def _watch(app: FastAPI, closing: list[Callable[[], None]]) -> None:
    """Metrics, and traces where they are wanted; what ends them is added to `closing`."""
    watch.listen(METRICS)
    traces = None
    if traced():
        # Imported here: it takes longer than all else that watches, and few want it.
        from api.traces import Traces

        traces = Traces()
        watch.listen(traces)
        closing += [partial(watch.leave, traces), traces.close]
    app.add_middleware(Watching, traces=traces)


def _largest(path: str) -> int | None:
    """How many bytes a request to a path may have; None: uploads are held to their own size as they are read."""
    return {imports.PATH: None, openai.CHAT: openai.MOST}.get(path, MOST)


def _add_headers(app: FastAPI, origins: Sequence[str]) -> None:
    """`origins`: of other sites whose pages may load the widget, call the API with a token, and frame `/embed`."""
    app.add_middleware(SafeHeaders, framed_by=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Idempotency-Key", *mcp.HEADERS],
            expose_headers=["Retry-After", runs.RUN_HEADER, runs.THREAD_HEADER, HEADER],
        )


def _add_api(
    app: FastAPI,
    installation: Installation,
    running: Running,
    tokens: Tokens,
    known: Sessions,
    wecom: Client | None,
) -> None:
    bearer = HTTPBearer(auto_error=False, description="JWT：sub 为账号，aud 为 xueshi；本站页面也可以用登录的 cookie")
    assistant = installation.assistant

    def signed_in(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> Account:
        name = tokens.account(credentials.credentials) if credentials else known.account(request)
        return assistant.account(name)

    Asker = Annotated[Account, Depends(signed_in)]  # noqa: N806  a type

    @app.post("/v1/ask", summary="提问，得到一个有出处的回答", responses={404: {}, 429: {}})
    async def ask(asked: Question, account: Asker) -> Answer:
        return await running.ask(account, asked.question, asked.thread_id)

    @app.get("/embedding.json", summary="可以嵌入本助手的网站；不用登录")
    def embedding() -> Embedding:
        return Embedding(origins=list(installation.settings.origins))

    @app.get("/v1/me", summary="本人进度")
    def me(account: Asker) -> Me:
        state = assistant.me(account)
        return Me(
            account=account.name,
            role=account.role,
            unit=account.place,
            teacher_id=account.teacher_id,
            outcome=state and state.outcome,
            calculation=state and state.calculation,
            citations=state.citations if state else [],
        )

    @app.get("/v1/policies", summary="已收录的政策")
    def list_policies(_: Asker) -> PolicyList:
        with installation.database.read() as connection:
            return PolicyList(policies=policies.metas(connection))

    @app.get("/v1/policies/{policy_id}", summary="一份政策和它的条款")
    def one_policy(policy_id: str, _: Asker) -> PolicyView:
        with installation.database.read() as connection:
            found = policies.policy(connection, policy_id)
        if found is None:
            raise NotFound("政策库中没有这份政策。")
        clauses = [ClauseView(**clause.model_dump()) for clause in found.clauses]
        return PolicyView(clauses=clauses, **found.meta.model_dump())

    @app.get("/v1/search", summary="查找条款，最相关的在前")
    def find_clauses(
        account: Asker,
        q: Annotated[str, Query(description="要找的内容，1 至 2000 个字")],
        limit: Annotated[int, Query(description="最多几条", ge=1, le=50)] = 5,
        anywhere: Annotated[bool, Query(description="各地的政策一视同仁；否则以提问者所在地的为准")] = False,
    ) -> FoundClauses:
        query, today = taken(q), installation.settings.clock()
        with installation.database.read() as connection:
            hits = search(connection, installation.index, query, account.place, limit, anywhere=anywhere, today=today)
        found = [
            FoundClause(policy_id=hit.policy.id, locator=hit.clause.locator, text=hit.clause.text, score=hit.score)
            for hit in hits
        ]
        return FoundClauses(results=found)

    compliance.add(app, installation, Asker)
    feedback.add(app, installation, Asker)
    imports.add(app, installation, Asker)
    notes.add(app, installation, Asker)
    openai.add(app, installation, Asker)
    reminders.add(app, installation, Asker, wecom)
    runs.add(app, installation, running, Asker)
    sessions.add(app, known)
    threads.add(app, installation, Asker)


def _add_pages(app: FastAPI, installation: Installation) -> None:
    def add(path: str, file: str) -> None:
        app.get(path, include_in_schema=False)(lambda: FileResponse(PAGES / file))

    add("/", "chat.html")
    add("/chat", "chat.html")
    add("/admin", "admin.html")
    add(FRAMED, "embed.html")
    add("/answers/{answer_id}", "receipt.html")
    add("/reminders", "reminders.html")
    add("/widget.js", "widget.js")

    @app.get("/policies/{policy_id}", include_in_schema=False)
    def policy_page(policy_id: str) -> FileResponse:
        with installation.database.read() as connection:
            there = any(meta.id == policy_id for meta in policies.metas(connection))
        return FileResponse(PAGES / "policy.html", status_code=200 if there else 404)

    app.mount("/static", StaticFiles(directory=PAGES), name="static")


def _add_wecom(
    app: FastAPI, installation: Installation, running: Running, known: Sessions, client: Client | None
) -> list[Callable[[], None]]:
    """The doors to WeCom that the settings open; what closes them, in order."""
    doors: list[Callable[[], None]] = []
    post = Post(installation.database)
    if client:
        wecom_login.add(app, installation, known, client)
        post.add_way(wecom_app.WAY, by_app(client))
        doors.append(wecom_app.add(app, installation, running, post).close)
    if installation.settings.wecom_bot_aes_key.get_secret_value():
        doors.append(wecom_bot.add(app, installation, running, post, client).close)
    if not doors:
        return []
    post.start()
    return [*doors, post.close, *([client.close] if client else [])]
