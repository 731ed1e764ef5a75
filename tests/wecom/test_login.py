"""Signing in by WeCom, and the cookie session: whose it is, what it lets through, and the ways to somebody else's."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import delete, select, update

from api.app import create_app
from api.sessions import COOKIE, HEADER
from assistant.settings import Settings
from assistant.store.tables import SessionRow
from tests.conftest import TODAY
from tests.wecom import fake
from tests.wecom.conftest import AUTH, Serve, app_settings
from tests.wecom.fake import AGENT, CORP, FakeWeCom

Browser = TestClient
Open = Callable[[], Browser]
URL = "https://xueshi.example.cn"
HOUR = 3600
LOGIN_COOKIE = "__Host-xueshi-login"


@pytest.fixture(scope="module")
def _shared(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, FakeWeCom]]:
    """One application and its fake WeCom for all tests that change nothing but sessions."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("shared") / "home")
    with pytest.MonkeyPatch.context() as patch, fake.running() as wecom:
        patch.setenv("NO_PROXY", "127.0.0.1")
        with TestClient(create_app(app_settings(home, wecom)), raise_server_exceptions=False) as web:
            yield web, wecom


@pytest.fixture
def web(_shared: tuple[TestClient, FakeWeCom]) -> TestClient:
    """The application, with nobody signed in."""
    with _shared[0].app.state.installation.database.write() as connection:  # type: ignore[attr-defined]
        connection.execute(delete(SessionRow))
    return _shared[0]


@pytest.fixture
def wecom(_shared: tuple[TestClient, FakeWeCom]) -> FakeWeCom:
    """Its WeCom, which nobody has called yet."""
    _shared[1].calls.clear()
    return _shared[1]


def new_browser(web: TestClient) -> Browser:
    """A browser of its own, which follows no redirects."""
    return TestClient(web.app, URL, raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def browser(web: TestClient) -> Open:
    """Opens browsers."""
    return lambda: new_browser(web)


def begin(browser: Browser, onward: str = "/") -> str:
    """Begin to sign in; the state that WeCom is given."""
    response = browser.get("/wecom/login", params={"next": onward})
    assert response.status_code == 302
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


def come_back(browser: Browser, wecom: FakeWeCom, state: str, told: Any = None, code: str = "code-1") -> Response:
    """Come back from WeCom with a code, which stands for the member unless something else is `told` of it."""
    if told is not None:
        wecom.oauth_codes[code] = told if isinstance(told, dict) else {"userid": told}
    return browser.get("/wecom/login", params={"code": code, "state": state})


def sign_in(browser: Browser, wecom: FakeWeCom, userid: str = "linxiaolan", onward: str = "/") -> Response:
    response = come_back(browser, wecom, begin(browser, onward), userid, f"code-{userid}")
    assert response.status_code == 303, response.text
    return response


def csrf(browser: Browser) -> dict[str, str]:
    """The header that writes of this browser's pages carry."""
    return {HEADER: browser.get("/v1/session").json()["csrf_token"]}


def who(browser: Browser) -> str | None:
    """Whose records the browser is shown."""
    response = browser.get("/v1/me")
    assert response.status_code in (200, 401)
    return response.json()["teacher_id"] if response.status_code == 200 else None


def refused(response: Response, status: int = 403) -> str:
    """Checks that signing in was refused and set no session; why, as shown."""
    assert response.status_code == status, response.text
    assert COOKIE not in set_cookies(response)
    assert not set_cookies(response)[LOGIN_COOKIE].value
    (why,) = re.findall(r'<p class="error">(.*?)</p>', response.text)
    return str(why)


def set_cookies(response: Response) -> SimpleCookie:
    found = SimpleCookie()
    for line in response.headers.get_list("Set-Cookie"):
        found.load(line)
    return found


# The way in.


def test_the_way_to_wecom_names_the_app_and_leads_back(browser: Open) -> None:
    response = browser().get("/wecom/login")
    address = urlsplit(response.headers["Location"])
    assert (address.scheme, address.netloc, address.path) == (
        "https",
        "open.weixin.qq.com",
        "/connect/oauth2/authorize",
    )
    query = {name: value for name, (value,) in parse_qs(address.query).items()}
    assert re.fullmatch("[0-9A-Za-z]{32,128}", query.pop("state"))
    assert query == {
        "appid": CORP,
        "agentid": str(AGENT),
        "redirect_uri": f"{URL}/wecom/login",
        "response_type": "code",
        "scope": "snsapi_base",
    }
    assert address.fragment == "wechat_redirect"


def test_two_members_each_see_their_own(browser: Open, wecom: FakeWeCom) -> None:
    lin, chen = browser(), browser()
    assert sign_in(lin, wecom, "linxiaolan").headers["Location"] == "/"
    sign_in(chen, wecom, "CHENJING")
    assert (who(lin), who(chen)) == ("T0001", "T0003")
    mine = lin.post("/v1/ask", json={"question": "我今年还差多少学时？"}, headers=csrf(lin)).json()
    assert mine["calculation"]["teacher_id"] == "T0001"
    for path in (f"/v1/threads/{mine['thread_id']}", f"/v1/answers/{mine['id']}"):
        assert lin.get(path).status_code == 200
        assert chen.get(path).status_code == 404


def test_the_cookie_is_out_of_the_reach_of_scripts_other_hosts_and_other_sites(browser: Open, wecom: FakeWeCom) -> None:
    cookie = set_cookies(sign_in(browser(), wecom))[COOKIE]
    assert COOKIE.startswith("__Host-")
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "lax", "/")
    assert cookie["domain"] == ""
    assert int(cookie["max-age"]) == 24 * HOUR


def test_only_a_hash_of_the_session_is_kept(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    lin = browser()
    sign_in(lin, wecom)
    with web.app.state.installation.database.read() as connection:  # type: ignore[attr-defined]
        (kept,) = connection.execute(select(SessionRow.hash)).scalars()
    assert len(kept) == 64
    for value in (kept, "", "x" * 43, "\xff"):
        cookie = f"{COOKIE}={value}".encode("latin-1")
        assert browser().get("/v1/me", headers={"Cookie": cookie}).status_code == 401


@pytest.mark.parametrize("onward", ["/policies/dongguan-2023#%E9%99%84%E4%BB%B61/0", "/admin#view=units", "/?a=b&c=d"])
def test_it_leads_back_to_the_page(browser: Open, wecom: FakeWeCom, onward: str) -> None:
    assert sign_in(browser(), wecom, onward=onward).headers["Location"] == onward


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "/a\\..\\evil", "javascript:alert(1)", "evil", "", " /x", "/x\r\nSet-Cookie: a=b", "/\x00",
        "///evil.example", "/" + "x" * 2000,
    ],
)  # fmt: skip
def test_it_leads_nowhere_but_to_our_own_pages(browser: Open, wecom: FakeWeCom, onward: str) -> None:
    assert sign_in(browser(), wecom, onward=onward).headers["Location"] == "/"


# Who isn't let in.


@pytest.mark.parametrize(
    "told",
    [{"openid": "oAAAA"}, {"external_userid": "wmAAAA"}, {"openid": "o", "external_userid": "w"}, {}, {"userid": None}],
)
def test_who_is_no_member_is_refused(browser: Open, wecom: FakeWeCom, told: dict[str, Any]) -> None:
    lin = browser()
    assert "不是本单位企业微信的成员" in refused(come_back(lin, wecom, begin(lin), told))
    assert who(lin) is None


@pytest.mark.parametrize("userid", ["nobody.yet", "Elsewhere", "<b>x</b>", "other-corp/LinXiaoLan", "%", ""])
def test_a_member_whom_nobody_registered_is_refused(browser: Open, wecom: FakeWeCom, userid: str) -> None:
    lin = browser()
    why = refused(come_back(lin, wecom, begin(lin), {"userid": userid}))
    assert "<b>" not in why
    assert "登记" in why or not userid
    assert who(lin) is None


# Who comes with what isn't theirs.


def test_a_state_is_good_in_the_browser_that_began_alone(browser: Open, wecom: FakeWeCom) -> None:
    lin, hostile = browser(), browser()
    for victim in (lin, browser()):
        if victim is lin:
            begin(lin)
        refused(come_back(victim, wecom, begin(hostile), "chenjing"))
        assert who(victim) is None
    assert wecom.calls["auth/getuserinfo"] == 0


def test_a_state_is_good_once(browser: Open, wecom: FakeWeCom) -> None:
    lin = browser()
    state = begin(lin)
    noted = lin.cookies[LOGIN_COOKIE]
    assert come_back(lin, wecom, state, "linxiaolan").status_code == 303
    thief = browser()
    thief.cookies.set(LOGIN_COOKIE, noted)
    refused(come_back(thief, wecom, state, "linxiaolan", "another code"))
    assert who(thief) is None


def test_a_code_is_good_once(browser: Open, wecom: FakeWeCom) -> None:
    lin, thief = browser(), browser()
    sign_in(lin, wecom)
    refused(come_back(thief, wecom, begin(thief), code="code-linxiaolan"))
    assert who(thief) is None


@pytest.mark.parametrize("state", ["", "x", "0" * 48, "' OR 1=1 --", "\udcff"])
def test_an_invented_state_is_refused(browser: Open, wecom: FakeWeCom, state: str) -> None:
    lin = browser()
    begin(lin)
    value = state.encode(errors="surrogateescape")
    response = lin.get("/wecom/login", params={"code": "c", "state": value})
    refused(response)
    assert wecom.calls["auth/getuserinfo"] == 0


@pytest.mark.parametrize("code", ["", "c" * 513])
def test_a_code_that_is_none_is_refused(browser: Open, wecom: FakeWeCom, code: str) -> None:
    lin = browser()
    refused(lin.get("/wecom/login", params={"code": code, "state": begin(lin)}))
    assert wecom.calls["auth/getuserinfo"] == 0


def test_a_state_is_good_for_ten_minutes(browser: Open, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch) -> None:
    lin, then = browser(), time.time()
    with monkeypatch.context() as patch:
        patch.setattr("api.wecom.login.time.time", lambda: then - 601)
        state = begin(lin)
    refused(come_back(lin, wecom, state, "linxiaolan"))
    with monkeypatch.context() as patch:
        patch.setattr("api.wecom.login.time.time", lambda: then - 540)
        state = begin(lin)
    assert come_back(lin, wecom, state, "linxiaolan", "code-2").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x.y.z", "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6IngifQ."])
def test_a_forged_note_of_the_beginning_is_refused(browser: Open, wecom: FakeWeCom, cookie: str) -> None:
    lin = browser()
    lin.cookies.set(LOGIN_COOKIE, cookie)
    refused(come_back(lin, wecom, "x", "linxiaolan"))


def test_wecom_out_of_order_is_told_in_words(browser: Open, wecom: FakeWeCom) -> None:
    lin = browser()
    wecom.fail("auth/getuserinfo", 50001)
    assert "稍后再试" in refused(come_back(lin, wecom, begin(lin), "linxiaolan"), 503)


def test_a_token_that_was_revoked_is_no_hindrance(browser: Open, wecom: FakeWeCom) -> None:
    sign_in(browser(), wecom)
    wecom.revoke()
    sign_in(browser(), wecom, "chenjing")


# The session.


def test_a_write_needs_the_csrf_token_of_the_session(browser: Open, wecom: FakeWeCom) -> None:
    lin, chen = browser(), browser()
    sign_in(lin, wecom)
    sign_in(chen, wecom, "chenjing")
    question = {"question": "我今年还差多少学时？"}
    thread = lin.post("/v1/ask", json=question, headers=csrf(lin)).json()["thread_id"]
    for headers in ({}, {HEADER: ""}, {HEADER: "x"}, csrf(chen), {HEADER: lin.cookies[COOKIE]}, {HEADER: "密"}):
        sent = {name: value.encode() for name, value in headers.items()}
        assert lin.post("/v1/ask", json=question, headers=sent).status_code == 401
        assert lin.put("/v1/me/reminders", json={"enabled": False}, headers=sent).status_code == 401
        assert lin.delete(f"/v1/threads/{thread}", headers=sent).status_code == 401
        assert lin.delete("/v1/session", headers=sent).status_code == 401
    assert who(lin) == "T0001"
    assert lin.get("/v1/me/reminders").json() == {"enabled": True}
    assert lin.delete(f"/v1/threads/{thread}", headers=csrf(lin)).status_code == 204


def test_a_page_of_somebody_who_has_left_is_shown_nothing(browser: Open, wecom: FakeWeCom) -> None:
    shared = browser()
    sign_in(shared, wecom)
    of_lin = csrf(shared)
    sign_in(shared, wecom, "chenjing")
    assert who(shared) == "T0003"
    assert shared.get("/v1/me", headers=of_lin).status_code == 401


def test_signing_in_ends_the_session_before(browser: Open, wecom: FakeWeCom) -> None:
    shared, thief = browser(), browser()
    sign_in(shared, wecom)
    thief.cookies.set(COOKIE, shared.cookies[COOKIE])
    assert who(thief) == "T0001"
    before = shared.cookies[COOKIE]
    sign_in(shared, wecom)
    assert shared.cookies[COOKIE] != before
    assert who(thief) is None


def test_signing_out_ends_the_session_for_good(browser: Open, wecom: FakeWeCom) -> None:
    lin, chen, thief = browser(), browser(), browser()
    sign_in(lin, wecom)
    sign_in(chen, wecom, "chenjing")
    thief.cookies.set(COOKIE, lin.cookies[COOKIE])
    assert lin.delete("/v1/session", headers=csrf(lin)).status_code == 204
    assert COOKIE not in lin.cookies
    assert (who(lin), who(thief), who(chen)) == (None, None, "T0003")


def age(web: TestClient, **columns: float) -> None:
    """Make every session as old as that, in seconds."""
    values = {name: time.time() - seconds for name, seconds in columns.items()}
    with web.app.state.installation.database.write() as connection:  # type: ignore[attr-defined]
        connection.execute(update(SessionRow).values(values))


def test_a_session_ends_after_eight_hours_unused(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    lin = browser()
    sign_in(lin, wecom)
    age(web, opened_at=9 * HOUR, seen_at=8 * HOUR - 60)
    assert who(lin) == "T0001"  # and is in use now
    age(web, opened_at=9 * HOUR)
    assert who(lin) == "T0001"
    age(web, seen_at=8 * HOUR + 60)
    assert who(lin) is None
    assert lin.get("/v1/session").json()["account"] is None


def test_a_session_ends_a_day_after_signing_in(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    lin = browser()
    sign_in(lin, wecom)
    age(web, opened_at=24 * HOUR + 60)
    assert who(lin) is None


def test_use_is_noted(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    lin = browser()
    sign_in(lin, wecom)
    age(web, seen_at=7 * HOUR)
    assert who(lin) == "T0001"
    with web.app.state.installation.database.read() as connection:  # type: ignore[attr-defined]
        assert connection.scalar(select(SessionRow.seen_at)) > time.time() - HOUR


def test_sessions_that_are_over_are_deleted(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    for _ in range(2):
        sign_in(browser(), wecom)
    age(web, seen_at=9 * HOUR)
    sign_in(browser(), wecom, "chenjing")
    with web.app.state.installation.database.read() as connection:  # type: ignore[attr-defined]
        assert list(connection.execute(select(SessionRow.account)).scalars()) == ["t0003"]


def test_a_session_is_known_after_a_restart(serve: Serve, wecom: FakeWeCom) -> None:
    with serve() as before:
        lin = new_browser(before)
        sign_in(lin, wecom)
    with serve() as after:
        again = new_browser(after)
        again.cookies.set(COOKIE, lin.cookies[COOKIE])
        assert who(again) == "T0001"


def test_a_bearer_token_goes_before_the_cookie(browser: Open, wecom: FakeWeCom, web: TestClient) -> None:
    lin = browser()
    sign_in(lin, wecom)
    token = web.app.state.tokens.make("t0003", 10)  # type: ignore[attr-defined]
    given = {"Authorization": f"Bearer {token}"}
    assert lin.get("/v1/me", headers=given).json()["teacher_id"] == "T0003"
    assert lin.get("/v1/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_who_is_signed_in_is_told_to_pages(browser: Open, wecom: FakeWeCom) -> None:
    lin = browser()
    assert lin.get("/v1/session").json() == {"account": None, "csrf_token": None, "sign_in": "/wecom/login"}
    sign_in(lin, wecom)
    told = lin.get("/v1/session")
    assert told.json()["account"] == "t0001"
    assert told.headers["Cache-Control"] == "no-store"
    assert lin.cookies[COOKIE] not in told.text


def test_other_sites_may_not_read_who_is_signed_in(serve: Serve, wecom: FakeWeCom) -> None:
    portal = "https://portal.example.cn"
    with serve(origins=portal) as web:
        lin = new_browser(web)
        sign_in(lin, wecom)
        told = lin.get("/v1/session", headers={"Origin": portal})
    assert told.headers["Access-Control-Allow-Origin"] == portal
    assert "Access-Control-Allow-Credentials" not in told.headers


def test_without_wecom_there_is_no_way_in(home: Path) -> None:
    given = Settings(_env_file=None, home=home, today=TODAY, auth_secret=AUTH)  # type: ignore[call-arg]
    with TestClient(create_app(given)) as web:
        assert web.get("/wecom/login").status_code == 404
        assert web.get("/v1/session").json()["sign_in"] is None
