"""A real browser on a real server: Debian's Chromium, driven by Playwright, on the sample installation.

`page` is a fresh browser profile. When its test ends, the page must have broken no content security policy, thrown no
error and asked nothing of any address but ours; a test that means one of these takes it out of `faults` first.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from api.demo import demo_app
from assistant.settings import Settings
from tests.conftest import TODAY
from tests.web.scripted import ScriptedSite

CHROMIUM = "/usr/bin/chromium"
SECRET = "a shared secret that is long enough for every HMAC that a test signs with"
# Milliseconds until what doesn't come is given up: no test is about time, and a machine may be slow.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
PHONE = {"width": 320, "height": 640}
# WCAG 2.2 at level AA, and what axe-core advises beyond it.
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Site:
    """The sample installation as served. `host`: another origin, allowed to embed it, that serves what is put there."""

    url: str
    host: str
    app: FastAPI
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)

    def token(self, account: str = "t0001") -> str:
        """A token of an account for an hour."""
        token: str = self.app.state.tokens.make(account, 60)
        return token

    def put(self, path: str, body: str, kind: str = "text/html") -> str:
        """Serve something on the other origin; its address."""
        self.pages[path] = (kind, body)
        return self.host + path


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """An application on a port of its own; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server could not start"
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@contextmanager
def other_origin(pages: dict[str, tuple[str, str]]) -> Iterator[str]:
    """A plain web server, as a school's portal is one; its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = pages.get(self.path.partition("?")[0], ("text/plain", ""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo's application over a copy of the sample installation, shared by all tests of pages."""
    # Not asked for by name: what a browser shows is the same over PostgreSQL, so these tests run once.
    made: Path = request.getfixturevalue("made_home")
    home = shutil.copytree(made, tmp_path_factory.mktemp("web") / "home")
    pages: dict[str, tuple[str, str]] = {}
    with other_origin(pages) as host:
        given = {"home": home, "today": TODAY, "rate_limit": 1_000_000, "auth_secret": SECRET, "origins": host}
        app = demo_app(Settings(_env_file=None, **given))
        with served(app) as url:
            yield Site(url, host, app, pages)


@pytest.fixture(scope="session")
def _scripted() -> Iterator[ScriptedSite]:
    with ScriptedSite() as site:
        yield site


@pytest.fixture
def scripted(_scripted: ScriptedSite) -> ScriptedSite:
    """A server that says what it is told to, behind our pages."""
    _scripted.reset()
    return _scripted


def missing(what: str) -> NoReturn:
    """Skip a test that needs what this machine lacks; where it was promised, fail."""
    (pytest.fail if os.environ.get("BROWSER_REQUIRED") else pytest.skip)(f"没有 {what}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Of a module, since Playwright holds the thread's event loop as long as it runs."""
    if not Path(CHROMIUM).exists():
        missing(CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def faults() -> list[str]:
    """What went wrong in the pages of this test: violations, errors, foreign requests."""
    return []


@pytest.fixture
def context(browser: Browser, faults: list[str]) -> Iterator[BrowserContext]:
    """A browser profile of this test's own, watched."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1200, "height": 800})
    context.set_default_timeout(PATIENCE)
    watch(context, faults)
    yield context
    context.close()
    assert faults == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page."""
    return context.new_page()


def watch(context: BrowserContext, faults: list[str]) -> None:
    """Note what no page of ours may do."""

    def said(message: ConsoleMessage) -> None:
        # An error status is the answer to a request, which tests look at by themselves.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:")):
            faults.append(f"asked for {request.url}")

    context.on("console", said)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", asked)


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page as it stands, one line each; open shadow roots included."""
    checker = Axe()

    def check(page: Page) -> list[str]:
        found = checker.run(page, options=_AXE).response["violations"]
        return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    return check
