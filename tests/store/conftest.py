"""The PostgreSQL server of the tests, for those that open databases of both kinds themselves."""

import pytest

from tests.postgres import Server


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    """The SQLAlchemy URL of a superuser's database."""
    return postgres.address("postgres")
