"""The demo: sample records, a fixed day, a secret of its own, and a choice of accounts instead of a sign-in.

It only ever listens on this machine and only ever opens a home of its own.
"""

import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

import evals.sample
from api.app import create_app
from assistant import settings
from assistant.errors import NotFound
from assistant.retrieval.index import Index
from assistant.settings import Settings
from assistant.store import people
from assistant.store.database import Database
from ingest.policies import ingest_policies
from ingest.records import load_records

TODAY = date(2023, 11, 15)
ACCOUNT = "t0001"
_RECORDS = sorted(Path(evals.sample.__file__).parent.glob("*.csv"))


class Chosen(BaseModel):
    """The sample account to be."""

    account: str


def demo_settings(port: int = 8000) -> Settings:
    """The settings of the demo: its own folder and day, a secret that nobody knows, and no WeCom."""
    given = settings.load()
    here = {} if "public_url" in given.model_fields_set else {"public_url": f"http://127.0.0.1:{port}"}
    wecom = {name: field.get_default() for name, field in Settings.model_fields.items() if name.startswith("wecom_")}
    return given.model_copy(
        update={
            **here,
            **wecom,
            "home": given.home / "demo",
            "database_url": "",
            "vector_url": "chroma:",
            "auth_secret": secrets.token_urlsafe(32),
            "auth_jwks_url": "",
            "today": TODAY,
            "rate_limit": 600,
        }
    )


def prepare(database: Database, index: Index, demo: Settings, say: Callable[[str], Any]) -> None:
    """Index the corpus and load the sample records; what is there already is not done again."""
    reports = ingest_policies(database, index, demo.corpora)
    fresh = sum(report.changed for report in reports)
    say(f"政策：{len(reports)} 份，新建索引 {fresh} 份")
    loaded = load_records(database, _RECORDS, demo.clock())
    rows, new = sum(file.rows for file in loaded.files), sum(file.added for file in loaded.files)
    say(f"示例记录：{rows} 行，新载入 {new} 行")


def demo_app(demo: Settings) -> FastAPI:
    """The application with a choice of sample accounts."""
    app = create_app(demo)
    installation, tokens = app.state.installation, app.state.tokens

    @app.get("/v1/demo/accounts", include_in_schema=False)
    def accounts() -> dict[str, Any]:
        with installation.database.read() as connection:
            found = people.accounts(connection)
        listed = [{"account": name, "role": role, "name": person, "unit": unit} for name, role, person, unit in found]
        return {"today": TODAY.isoformat(), "default": ACCOUNT, "accounts": listed}

    @app.post("/v1/demo/token", include_in_schema=False)
    def token(chosen: Chosen) -> dict[str, str]:
        with installation.database.read() as connection:
            if people.account(connection, chosen.account) is None:
                raise NotFound("没有这个示例账号。")
        return {"token": tokens.make(chosen.account, 60)}

    return app
