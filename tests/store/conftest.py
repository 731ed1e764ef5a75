"""For tests that open databases of both kinds themselves: the PostgreSQL server, and a home that was lived in."""

import pytest
from sqlalchemy import insert

from assistant.bootstrap import install
from assistant.settings import Settings
from assistant.store.tables import Import, Thread, Turn
from tests.postgres import Server
from tests.store.contents import opened


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    """The SQLAlchemy URL of a superuser's database."""
    return postgres.address("postgres")


@pytest.fixture
def lived_in(settings: Settings) -> Settings:
    """A home with answers to two people, a question that was never answered, and imports 7 and 41."""
    made = install(settings)
    for account in ("t0001", "t0002"):
        made.assistant.ask("我今年还差多少学时？", made.assistant.account(account))
    made.close()
    with opened(settings.database, write=True) as connection:
        thread = {"id": "t-open", "account": "t0001"}
        connection.execute(insert(Thread).values(thread))
        turn = {"id": "a-open", "thread_id": "t-open", "account": "t0001", "asked_at": 0.1 + 0.2, "question": "𠮷\n？"}
        connection.execute(insert(Turn).values(turn))
        for number in (7, 41):
            connection.execute(insert(Import).values(id=number, made_at=number / 7, files=[{"文件": "甲.csv"}]))
    return settings
