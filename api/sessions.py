"""Cookie sessions: what serves in a token's place for whoever signed in by WeCom.

The cookie is HttpOnly, Secure, SameSite=Lax and, by its prefix, of this host alone (RFC 6265bis, 4.1.3.2): no script
reads it, no other host sets it. Sites of the same domain could still have a browser send it, so every write comes with
the session's CSRF token, which only our own pages can ask for. A page sends it with whatever it asks, so that it is
never shown what belongs to somebody who has signed in since.
"""

import hmac
from hashlib import sha256

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from assistant.errors import NotSignedIn
from assistant.store import sessions
from assistant.store.database import Database

COOKIE = "__Host-xueshi"
HEADER = "X-CSRF-Token"
_READS = {"GET", "HEAD", "OPTIONS"}
_NONE = "请先登录：请求缺少 Authorization: Bearer 凭证。"
_OVER = "登录已过期，请重新登录。"
_FORGED = f"登录状态已变化，或请求缺少 {HEADER}：请刷新页面后重试。"


class SessionView(BaseModel):
    """Who is signed in by the cookie, and what their writes have to send as `X-CSRF-Token`; null: nobody.

    `sign_in`: where one signs in by WeCom, null: nowhere.
    """

    account: str | None = None
    csrf_token: str | None = None
    sign_in: str | None = None


class Sessions:
    """The sessions of an installation's pages."""

    def __init__(self, database: Database, sign_in: str | None) -> None:
        """`sign_in`: the path where one signs in, None where there is none."""
        self._database, self._sign_in = database, sign_in

    def account(self, request: Request) -> str:
        """The account that a request's cookie speaks for. NotSignedIn: nobody's, or not from a page of theirs."""
        session = request.cookies.get(COOKIE)
        if session is None:
            raise NotSignedIn(_NONE)
        account = self._account(session)
        if account is None:
            raise NotSignedIn(_OVER)
        given = request.headers.get(HEADER)
        if given is None and request.method in _READS:
            return account
        if not hmac.compare_digest((given or "").encode(), _csrf(session).encode()):
            raise NotSignedIn(_FORGED)
        return account

    def begin(self, request: Request, response: Response, account: str) -> None:
        """Sign an account in: a new session, whatever the browser had before."""
        with self._database.write() as connection:
            if before := request.cookies.get(COOKIE):
                sessions.close_session(connection, before)
            session = sessions.open_session(connection, account)
        put(response, COOKIE, session, int(sessions.LONGEST))

    def end(self, request: Request, response: Response) -> None:
        """Sign out. NotSignedIn: as `account`."""
        self.account(request)
        with self._database.write() as connection:
            sessions.close_session(connection, request.cookies[COOKIE])
        put(response, COOKIE, "", 0)

    def view(self, request: Request) -> SessionView:
        """Who is signed in."""
        session = request.cookies.get(COOKIE)
        account = self._account(session) if session else None
        if session is None or account is None:
            return SessionView(sign_in=self._sign_in)
        return SessionView(account=account, csrf_token=_csrf(session), sign_in=self._sign_in)

    def _account(self, session: str) -> str | None:
        with self._database.read() as connection:
            found = sessions.account_of(connection, session)
        if found is None:
            return None
        account, unnoted = found
        if unnoted:
            with self._database.write() as connection:
                sessions.touch(connection, session)
        return account


def put(response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie of our own pages; 0 seconds: take it away."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def add(app: FastAPI, known: Sessions) -> None:
    """The routes."""

    @app.get("/v1/session", summary="以企业微信登录的是谁；不用登录")
    def session(request: Request) -> SessionView:
        return known.view(request)

    @app.delete("/v1/session", summary="退出登录", status_code=204)
    def sign_out(request: Request, response: Response) -> None:
        known.end(request, response)


def _csrf(session: str) -> str:
    """Of the session's id, which nobody finds out from it."""
    return sha256(b"csrf " + session.encode(errors="replace")).hexdigest()
