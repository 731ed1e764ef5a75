"""The HTTP application over the shipped corpus and the sample records, and keys to sign tokens with."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as curve_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from api.app import create_app
from assistant.settings import Settings

TODAY = date(2023, 11, 15)
SECRET = "a shared secret that is long enough for every HMAC that a test signs with"

Web = Callable[..., TestClient]


@dataclass
class KeyServer:
    """An identity provider: its private keys, the public ones at `<address>/jwks`, and addresses where it is broken."""

    rsa: RSAPrivateKey
    ec: EllipticCurvePrivateKey
    address: str = ""

    @property
    def jwks(self) -> dict[str, Any]:
        """The key set as published."""
        public = RSAAlgorithm.to_jwk(self.rsa.public_key(), as_dict=True)
        curve = ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True)
        return {
            "keys": [
                {**public, "kid": "rsa-1", "use": "sig", "alg": "RS256"},
                {**curve, "kid": "ec-1", "use": "sig", "alg": "ES256"},
            ]
        }

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Answers `/jwks` with the keys, `/page` with a web page, anything else with 500."""
        served = {
            "/jwks": (200, json.dumps(self.jwks).encode()),
            "/page": (200, b"<!doctype html><title>sign in</title>"),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = served.get(self.path, (500, b""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture(scope="session")
def key_server() -> Iterator[KeyServer]:
    keys = KeyServer(rsa_key(65537, 2048), curve_key(SECP256R1()))
    with pytest.MonkeyPatch.context() as patch, ThreadingHTTPServer(("127.0.0.1", 0), keys.handler()) as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        keys.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield keys
        server.shutdown()


def settings_for(home: Path, **others: Any) -> Settings:
    """Settings that no environment and no `.env` has a say in."""
    return Settings.model_construct(**{"home": home, "today": TODAY, "rate_limit": 10_000, **others})


@pytest.fixture(scope="session")
def web(made_home: Path, key_server: KeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application that most tests share; it takes tokens of the shared secret and of the key server."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("shared") / "home")
    given = settings_for(home, auth_secret=SECRET, auth_jwks_url=f"{key_server.address}/jwks")
    with TestClient(create_app(given), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def make_web(made_home: Path, tmp_path: Path) -> Iterator[Web]:
    """An application of one's own, with other settings: over a copy of the made home, or over an empty one."""
    with ExitStack() as opened:

        def make(empty: bool = False, app: Callable[[Settings], Any] = create_app, **others: Any) -> TestClient:
            home = tmp_path / "empty" if empty else shutil.copytree(made_home, tmp_path / "home")
            given = settings_for(home, **{"auth_secret": SECRET, **others})
            return opened.enter_context(TestClient(app(given), raise_server_exceptions=False))

        yield make


@pytest.fixture(scope="session")
def bearer() -> Callable[..., dict[str, str]]:
    """Request headers with an account's token; further claims replace the usual ones, None leaves one out."""

    def headers(account: str = "t0001", key: Any = SECRET, header: Any = None, /, **claims: Any) -> dict[str, str]:
        usual = {"sub": account, "aud": "xueshi", "exp": int(time.time()) + 600}
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        algorithm = (header or {}).get("alg", "HS256")
        return {"Authorization": f"Bearer {jwt.encode(payload, key, algorithm, header)}"}

    return headers


@pytest.fixture(scope="session")
def problem() -> Callable[..., str]:
    """Checks that a response is a problem document of a status and shows no insides; gives its detail."""

    def check(response: Any, status: int) -> str:
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/problem+json"
        body = response.json()
        assert {"type", "title", "status", "detail"} <= body.keys()
        assert (body["status"], body["title"]) == (status, HTTPStatus(status).phrase)
        detail: str = body["detail"]
        assert detail.strip()
        assert "\n" not in detail
        assert not any(inside in response.text for inside in ("Traceback", ".py", "Error:", "site-packages", "SELECT"))
        return detail

    return check
