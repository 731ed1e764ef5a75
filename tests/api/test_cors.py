"""Which other sites' pages may use the API, load the widget and frame the chat: those that are named, exactly."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assistant import settings
from assistant.errors import SettingsError

Headers = Callable[..., dict[str, str]]
PORTAL, OTHER = "https://portal.example.cn", "http://intranet.example.cn:8080"
NEAR = (
    "https://portal.example.cn.evil.example",
    "https://evil-portal.example.cn",
    "http://portal.example.cn",
    "https://portal.example.cn:8443",
    "https://PORTAL.example.cn",
    "https://sub.portal.example.cn",
    "null",
)
_ASKED = "authorization,content-type,last-event-id,idempotency-key"


def preflight(web: TestClient, origin: str, headers: str = _ASKED, method: str = "POST") -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return web.options("/v1/threads/new/runs", headers=asked)


@pytest.fixture
def web(make_web: Any) -> TestClient:
    made: TestClient = make_web(origins=[PORTAL, OTHER])
    return made


@pytest.mark.parametrize("origin", [PORTAL, OTHER])
def test_a_named_site_may_ask_with_a_token(web: TestClient, bearer: Headers, origin: str) -> None:
    allowed = preflight(web, origin)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == origin
    listed = {one.strip().lower() for one in allowed.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "content-type", "last-event-id", "idempotency-key"} <= listed
    assert "cookie" not in listed
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    headers = {**bearer(), "Origin": origin}
    for response in (
        web.get("/v1/me", headers=headers),
        web.get("/v1/me", headers={"Origin": origin}),  # a page must be able to read why it is refused
        web.get("/v1/threads/none", headers=headers),
        web.get("/static/dom.js", headers=headers),
        web.get("/healthz", headers=headers),
    ):
        assert response.headers["Access-Control-Allow-Origin"] == origin, response.url
        assert "origin" in response.headers["Vary"].lower()
        assert "Access-Control-Allow-Credentials" not in response.headers
        exposed = {one.strip() for one in response.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed == {"Retry-After", "X-Xueshi-Run", "X-Xueshi-Thread", "X-Request-ID"}


@pytest.mark.parametrize("origin", NEAR)
def test_no_other_site_may(web: TestClient, bearer: Headers, origin: str) -> None:
    refused = preflight(web, origin)
    assert refused.status_code == 400
    for response in (refused, web.get("/v1/me", headers={**bearer(), "Origin": origin})):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_header_or_method_that_is_not_ours_is_refused(web: TestClient) -> None:
    assert preflight(web, PORTAL, "x-other").status_code == 400
    assert preflight(web, PORTAL, method="PATCH").status_code == 400
    assert preflight(web, PORTAL, method="DELETE").status_code == 200


def test_by_default_there_is_no_other_site(make_web: Any, bearer: Headers) -> None:
    web = make_web()
    assert preflight(web, PORTAL).status_code == 405
    for path in ("/v1/me", "/static/dom.js"):
        response = web.get(path, headers={**bearer(), "Origin": PORTAL})
        assert response.status_code == 200
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert framing(web, "/embed") == "'none'"


def framing(web: TestClient, path: str) -> str:
    """Whose pages may stand around one of ours."""
    policy = web.get(path).headers["Content-Security-Policy"]
    return dict(part.strip().partition(" ")[::2] for part in policy.split(";"))["frame-ancestors"]


def test_only_the_page_that_is_made_for_it_is_framed_and_only_by_named_sites(web: TestClient) -> None:
    assert framing(web, "/embed") == f"{PORTAL} {OTHER}"
    for path in ("/", "/chat", "/admin", "/answers/a1", "/policies/dongguan-2023", "/v1/me", "/nowhere"):
        assert framing(web, path) == "'none'", path


def test_no_text_becomes_markup_on_our_pages(web: TestClient) -> None:
    for path in ("/chat", "/embed", "/admin"):
        policy = web.get(path).headers["Content-Security-Policy"]
        assert "require-trusted-types-for 'script'" in policy
        assert "trusted-types 'none'" in policy
        assert not re.search(r"unsafe|\*", policy)


# The setting.


@pytest.mark.parametrize("given", [f"{PORTAL} {OTHER}", f"{PORTAL},{OTHER}", f" {PORTAL} ,\n{OTHER}, "])
def test_sites_are_separated_by_spaces_or_commas(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("XUESHI_ORIGINS", given)
    assert settings.load().origins == [PORTAL, OTHER]


@pytest.mark.parametrize("given", ["http://[::1]:3000", "http://127.0.0.1:3000", "https://xn--fiq228c.cn", "http://a"])
def test_addresses_are_sites_too(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("XUESHI_ORIGINS", given)
    assert settings.load().origins == [given]


@pytest.mark.parametrize(
    "given",
    [
        *("*", "https://*", "https://*.example.cn", "http://localhost:*", "null", "portal.example.cn", "https://"),
        *("https://portal.example.cn/", "https://portal.example.cn/chat", "https://Portal.example.cn"),
        *("https://portal.example.cn:443", "http://portal.example.cn:80", "https://a.cn:0", "https://u:p@a.cn"),
        *("ftp://a.cn", "https://门户.cn", "https://a..cn", "https://a.cn;script-src", "https://a.cn?x", "'self'"),
    ],
)
def test_what_is_no_exact_site_stops_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("XUESHI_ORIGINS", f"{PORTAL} {given}")
    with pytest.raises(SettingsError) as told:
        settings.load()
    assert "XUESHI_ORIGINS" in str(told.value)
    assert "\n" not in str(told.value)


def test_the_sites_named_are_told(web: TestClient) -> None:
    assert web.get("/embedding.json").json() == {"origins": [PORTAL, OTHER]}
