"""Bearer tokens: which are trusted, which are not, and that nothing but the account is read from one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
MINUTE = 60


def now() -> int:
    return int(time.time())


def who(web: TestClient, headers: dict[str, str]) -> str:
    """The account that these headers speak for."""
    response = web.get("/v1/me", headers=headers)
    assert response.status_code == 200, response.text
    account: str = response.json()["account"]
    return account


def by_hand(header: Any, claims: Any, secret: bytes | None = None) -> dict[str, str]:
    """Headers with a token that a careful library refuses to make."""

    def encoded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    message = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = b"" if secret is None else encoded(hmac.new(secret, message, hashlib.sha256).digest())
    return {"Authorization": f"Bearer {(message + b'.' + signature).decode()}"}


def claims(**others: Any) -> dict[str, Any]:
    return {"sub": "t0001", "aud": "xueshi", "exp": now() + 10 * MINUTE, **others}


@pytest.fixture
def secret(web: TestClient) -> bytes:
    found: bytes = web.app.state.installation.settings.auth_secret.encode()  # type: ignore[attr-defined]
    return found


def test_a_token_of_the_shared_secret_speaks_for_its_account(web: TestClient, bearer: Headers) -> None:
    assert who(web, bearer("t0001")) == "t0001"
    assert who(web, bearer("t0002")) == "t0002"


def test_a_token_for_up_to_sixty_minutes_is_taken(web: TestClient, bearer: Headers) -> None:
    assert who(web, bearer(exp=now() + 60 * MINUTE)) == "t0001"


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic dDAwMDE6eA=="},
        {"Authorization": "Bearer t0001"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer ..."},
        {"Authorization": b"Bearer \xff\xfe.\xff.\xff"},
    ],
)
def test_without_a_token_nobody_is_signed_in(web: TestClient, problem: Problem, sent: dict[str, str]) -> None:
    response = web.get("/v1/me", headers=sent)
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_counts_in_its_header_alone(web: TestClient, bearer: Headers, problem: Problem) -> None:
    token = bearer()["Authorization"].removeprefix("Bearer ")
    for name in ("token", "access_token", "authorization"):
        problem(web.get("/v1/me", params={name: token}), 401)
        problem(web.get("/v1/me", headers={"Cookie": f"{name}={token}"}), 401)


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": 4_000_000_000},
        {"exp": "soon"},
        {"aud": "another-service"},
        {"aud": None},
        {"sub": None},
        {"sub": 1},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
def test_an_untrustworthy_token_is_refused(
    web: TestClient, bearer: Headers, problem: Problem, wrong: dict[str, Any]
) -> None:
    response = web.get("/v1/me", headers=bearer(**wrong))
    problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_another_secret_or_hash_is_refused(
    web: TestClient, bearer: Headers, problem: Problem, secret: bytes
) -> None:
    problem(web.get("/v1/me", headers=bearer("t0001", "another secret that is long enough for HS256")), 401)
    for algorithm in ("HS384", "HS512"):
        problem(web.get("/v1/me", headers=bearer("t0001", secret, {"alg": algorithm})), 401)


def test_an_expired_token_and_one_for_too_long_say_so(web: TestClient, bearer: Headers, problem: Problem) -> None:
    assert "过期" in problem(web.get("/v1/me", headers=bearer(exp=now() - MINUTE)), 401)
    assert "60" in problem(web.get("/v1/me", headers=bearer(exp=now() + 61 * MINUTE)), 401)


def test_an_expiry_written_as_text_is_no_expiry(web: TestClient, problem: Problem, secret: bytes) -> None:
    problem(web.get("/v1/me", headers=by_hand({"alg": "HS256"}, claims(exp=str(now() + MINUTE)), secret)), 401)


def test_an_account_that_is_no_text_is_nobody(web: TestClient, problem: Problem, secret: bytes) -> None:
    problem(web.get("/v1/me", headers=by_hand({"alg": "HS256"}, claims(sub="\ud800"), secret)), 401)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["HS256"], "hs256", "RS384", "PS256", "EdDSA"])
def test_no_other_algorithm_is_accepted(
    web: TestClient, problem: Problem, secret: bytes, algorithm: str | None
) -> None:
    problem(web.get("/v1/me", headers=by_hand({"alg": algorithm, "kid": "rsa-1"}, claims())), 401)
    problem(web.get("/v1/me", headers=by_hand({"alg": algorithm, "kid": "rsa-1"}, claims(), secret)), 401)


def test_a_header_that_says_nothing_is_refused(web: TestClient, problem: Problem, secret: bytes) -> None:
    headers: list[Any] = [{}, [], "HS256", None, {"alg": {"alg": "HS256"}}]
    for header in headers:
        problem(web.get("/v1/me", headers=by_hand(header, claims(), secret)), 401)


@pytest.mark.parametrize("others", [{}, {"auth_secret": ""}], ids=["secret and keys", "keys alone"])
def test_a_public_key_is_no_shared_secret(make_web: Any, key_server: Any, problem: Problem, others: Any) -> None:
    web = make_web(auth_jwks_url=f"{key_server.address}/jwks", **others)
    public = key_server.rsa.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forms = [pem, pem.strip(), public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]
    forms += [json.dumps(key).encode() for key in key_server.jwks["keys"]]
    for form in forms:
        for algorithm in ("HS256", "RS256", "ES256"):
            problem(web.get("/v1/me", headers=by_hand({"alg": algorithm, "kid": "rsa-1"}, claims(), form)), 401)


def test_tokens_of_a_key_set_are_trusted(web: TestClient, bearer: Headers, key_server: Any) -> None:
    assert who(web, bearer("t0001", key_server.rsa, {"alg": "RS256", "kid": "rsa-1"})) == "t0001"
    assert who(web, bearer("t0002", key_server.ec, {"alg": "ES256", "kid": "ec-1"})) == "t0002"


def test_tokens_of_a_key_set_meet_the_same_conditions(
    web: TestClient, bearer: Headers, key_server: Any, problem: Problem
) -> None:
    header = {"alg": "RS256", "kid": "rsa-1"}
    for wrong in ({"exp": now() - MINUTE}, {"exp": None}, {"exp": now() + 61 * MINUTE}, {"aud": "x"}, {"sub": None}):
        problem(web.get("/v1/me", headers=bearer("t0001", key_server.rsa, header, **wrong)), 401)


def test_a_token_of_another_key_is_refused(web: TestClient, bearer: Headers, key_server: Any, problem: Problem) -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    for key, algorithm, name in (
        (stranger, "RS256", "rsa-1"),
        (curve, "ES256", "ec-1"),
        (key_server.rsa, "RS256", "unknown"),
        (key_server.rsa, "RS256", "ec-1"),
        (key_server.ec, "ES256", "rsa-1"),
        (key_server.rsa, "RS384", "rsa-1"),
        (key_server.rsa, "PS256", "rsa-1"),
    ):
        problem(web.get("/v1/me", headers=bearer("t0001", key, {"alg": algorithm, "kid": name})), 401)
    problem(web.get("/v1/me", headers=bearer("t0001", key_server.rsa, {"alg": "RS256"})), 401)


def test_a_token_that_brings_its_own_key_is_refused(
    web: TestClient, bearer: Headers, key_server: Any, problem: Problem
) -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    header = {"alg": "RS256", "kid": "mine", "jku": f"{key_server.address}/jwks", "jwk": key_server.jwks["keys"][0]}
    problem(web.get("/v1/me", headers=bearer("t0001", stranger, header)), 401)
    problem(web.get("/v1/me", headers=bearer("t0001", key_server.rsa, header)), 401)


@pytest.mark.parametrize(("only", "algorithm"), [("secret", "RS256"), ("keys", "HS256")])
def test_what_is_not_set_up_verifies_nothing(
    make_web: Any, bearer: Headers, key_server: Any, problem: Problem, only: str, algorithm: str
) -> None:
    keys = {"auth_secret": "", "auth_jwks_url": f"{key_server.address}/jwks"} if only == "keys" else {}
    web = make_web(**keys)
    by_key = bearer("t0001", key_server.rsa, {"alg": "RS256", "kid": "rsa-1"})
    good, bad = (bearer(), by_key) if only == "secret" else (by_key, bearer())
    assert who(web, good) == "t0001"
    problem(web.get("/v1/me", headers=bad), 401)
    problem(web.get("/v1/me", headers=by_hand({"alg": algorithm, "kid": "rsa-1"}, claims(), b"")), 401)


@pytest.mark.parametrize("path", ["/broken", "/page"])
def test_a_key_server_that_gives_no_keys_lets_nobody_in(
    make_web: Any, bearer: Headers, key_server: Any, problem: Problem, path: str
) -> None:
    web = make_web(auth_jwks_url=key_server.address + path)
    problem(web.get("/v1/me", headers=bearer("t0001", key_server.rsa, {"alg": "RS256", "kid": "rsa-1"})), 503)
    assert who(web, bearer("t0002")) == "t0002"


def test_a_key_server_that_is_gone_lets_nobody_in(
    make_web: Any, bearer: Headers, key_server: Any, problem: Problem
) -> None:
    web = make_web(auth_jwks_url="http://127.0.0.1:9/jwks")
    problem(web.get("/v1/me", headers=bearer("t0001", key_server.rsa, {"alg": "RS256", "kid": "rsa-1"})), 503)


def test_an_unregistered_account_is_refused(web: TestClient, bearer: Headers, problem: Problem) -> None:
    for nobody in ("nobody", "", "T0001", "t0001 ", "t0001' OR '1'='1", "%"):
        problem(web.get("/v1/me", headers=bearer(nobody)), 403)
        problem(web.post("/v1/ask", headers=bearer(nobody), json={"question": "我今年还差多少学时？"}), 403)


def test_what_a_token_claims_about_its_holder_is_not_read(web: TestClient, bearer: Headers) -> None:
    claimed = {
        "role": "city_admin",
        "roles": ["city_admin"],
        "unit": "广东省/东莞市",
        "teacher_id": "T0002",
        "account": "admin-dongguan",
        "scope": "admin",
    }
    headers = bearer("t0001", **claimed)
    assert web.get("/v1/me", headers=headers).json() == web.get("/v1/me", headers=bearer("t0001")).json()
    me = web.get("/v1/me", headers=headers).json()
    assert (me["account"], me["role"], me["teacher_id"]) == ("t0001", "teacher", "T0001")
    answer = web.post("/v1/ask", headers=headers, json={"question": "莫国栋今年还差多少学时？"}).json()
    assert answer["outcome"] == "not_permitted"
