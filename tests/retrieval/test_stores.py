"""Where vectors are kept: embedded, on a server or in pgvector, the same is found; what is lost is told."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assistant.bootstrap import Installation, install
from assistant.errors import SettingsError, Unavailable
from assistant.retrieval.index import Entry, Index
from assistant.retrieval.search import search
from assistant.settings import Settings
from assistant.store import policies
from assistant.store.database import Database
from ingest.policies import ingest_policies
from ingest.records import load_records
from tests.chroma import ChromaServer, chroma_server, free_port
from tests.conftest import SAMPLE, TODAY
from tests.postgres import NoServer, Server, started, told_or_skipped

DONGGUAN = "广东省/东莞市/莞城街道/莞城中心小学"
QUERIES = ("教师每年要完成多少学时", "镇级培训最多能计多少学时", "培训费用谁出", "weather")
ENTRIES = [
    Entry("p", "一", "教师每年完成学时"),
    Entry("p", "二", "培训经费由学校承担"),
    Entry("q", "一", "教师每年完成学时"),
]


@pytest.fixture(scope="module")
def pgvector_server() -> Iterator[Server]:
    try:
        with started(with_pgvector=True) as server:
            yield server
    except NoServer as error:
        told_or_skipped(error)


@pytest.fixture
def pgvector(pgvector_server: Server) -> Iterator[str]:
    """The `XUESHI_VECTOR_URL` of an empty database with pgvector to be had."""
    name = pgvector_server.create()
    yield pgvector_server.address(name)
    pgvector_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[ChromaServer]:
    with chroma_server(tmp_path / "chroma") as server:
        yield server


@pytest.fixture(params=["chroma", "pgvector"])
def url(request: pytest.FixtureRequest) -> str:
    """The `XUESHI_VECTOR_URL` of a server of each kind."""
    found = request.getfixturevalue(request.param)
    return found.url if isinstance(found, ChromaServer) else str(found)


def found(settings: Settings, index: Index, query: str, anywhere: bool = False) -> list[tuple[str, str, float]]:
    with closing(Database(settings.database)) as database, database.read() as connection:
        hits = search(connection, index, query, DONGGUAN, limit=10, anywhere=anywhere)
    return [(hit.policy.id, hit.clause.locator, round(hit.score, 4)) for hit in hits]


def ingest(settings: Settings, index: Index) -> set[bool]:
    """Read the corpus; whether any, or all, of it was indexed anew."""
    with closing(Database(settings.database)) as database:
        return {report.changed for report in ingest_policies(database, index, settings.corpora)}


def test_a_server_keeps_what_the_embedded_store_keeps(url: str, tmp_path: Path) -> None:
    nearest = []
    for where in ("chroma:", url):
        with closing(Index(tmp_path / "home", where, "")) as index:
            index.add(ENTRIES)
            index.add(ENTRIES)
            assert index.made
            nearest.append(index.nearest("每年的学时", ["p"], 10))
            assert set(index.nearest("每年的学时", None, 10)) == {entry.key for entry in ENTRIES}
            assert len(index.nearest("每年的学时", None, 2)) == 2
            index.keep_only(["p"], ENTRIES[:1])
            assert set(index.nearest("每年的学时", None, 10)) == {ENTRIES[0].key, ENTRIES[2].key}
    embedded, served = nearest
    assert embedded == pytest.approx(served, abs=1e-6)
    assert list(embedded) == list(served) == [ENTRIES[0].key, ENTRIES[1].key]


def test_the_same_clauses_are_found_in_every_store(url: str, settings: Settings, installation: Installation) -> None:
    with closing(Index(settings.home, url, "")) as index:
        with pytest.raises(Unavailable, match="xueshi ingest policies"):
            found(settings, index, QUERIES[0])
        assert ingest(settings, index) == {True}
        assert ingest(settings, index) == {False}
        for query in QUERIES:
            for anywhere in (False, True):
                there = found(installation.settings, installation.index, query, anywhere)
                assert found(settings, index, query, anywhere) == there
                assert there
            assert index.nearest(query, None, 20) == pytest.approx(
                installation.index.nearest(query, None, 20), abs=1e-5
            )


def test_another_process_sees_what_one_has_indexed(url: str, settings: Settings) -> None:
    with closing(Index(settings.home, url, "")) as first, closing(Index(settings.home / "other", url, "")) as second:
        second.open()
        ingest(settings, first)
        assert found(settings, second, QUERIES[0]) == found(settings, first, QUERIES[0])
        assert ingest(settings, second) == {False}


def test_a_vector_that_is_lost_is_told_and_not_guessed(url: str, tmp_path: Path) -> None:
    with closing(Index(tmp_path, url, "")) as index:
        index.add(ENTRIES[:1])
        with pytest.raises(Unavailable, match="政策索引不完整"):
            index.vectors([entry.key for entry in ENTRIES])


def test_a_server_by_another_name_is_the_same(chroma: ChromaServer, settings: Settings) -> None:
    with closing(Index(settings.home, chroma.url, "")) as index:
        ingest(settings, index)
    with closing(Index(settings.home, f"chroma+http://localhost:{chroma.port}", "")) as index:
        assert ingest(settings, index) == {False}
        assert found(settings, index, QUERIES[0])


def test_a_server_that_was_away_is_found_again(chroma: ChromaServer, settings: Settings) -> None:
    with closing(Index(settings.home, chroma.url, "")) as index:
        ingest(settings, index)
        chroma.stop()
        with pytest.raises(Unavailable):
            index.check()
        with pytest.raises(Unavailable):
            found(settings, index, QUERIES[0])
        chroma.start()
        index.check()
        assert found(settings, index, QUERIES[0])
        assert ingest(settings, index) == {False}


def test_a_server_that_falls_silent_is_given_up_and_found_again(
    chroma: ChromaServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.retrieval.chroma._READING", 0.5)
    monkeypatch.setattr("assistant.retrieval.chroma._WRITING", 0.5)
    with closing(Index(settings.home, chroma.url, "")) as index:
        index.add(ENTRIES)
        with chroma.silent():
            with pytest.raises(Unavailable):
                index.check()
            with pytest.raises(Unavailable):
                index.nearest(QUERIES[0], ["p"], 10)
            with pytest.raises(Unavailable):
                index.add([Entry("r", "一", "新的")])
        monkeypatch.undo()
        assert index.check()
        assert index.nearest(QUERIES[0], ["p"], 10)


def test_a_server_that_lost_everything_is_told_and_filled_again(chroma: ChromaServer, settings: Settings) -> None:
    with closing(Index(settings.home, chroma.url, "")) as serving:
        ingest(settings, serving)
        before = found(settings, serving, QUERIES[0])
        chroma.stop()
        shutil.rmtree(chroma.folder)
        chroma.start()
        with pytest.raises(Unavailable):
            found(settings, serving, QUERIES[1], anywhere=True)
        with closing(Index(settings.home, chroma.url, "")) as other:
            assert ingest(settings, other) == {True}
        assert found(settings, serving, QUERIES[0]) == before
        assert found(settings, serving, QUERIES[1], anywhere=True)


def test_a_table_that_lost_everything_is_filled_again(pgvector: str, settings: Settings) -> None:
    with closing(Index(settings.home, pgvector, "")) as index:
        ingest(settings, index)
        with closing(Database(settings.database)) as database, database.read() as connection:
            index.keep_only([meta.id for meta in policies.metas(connection)], [])
        assert not index.made
        assert ingest(settings, index) == {True}
        assert found(settings, index, QUERIES[0])


def test_one_database_holds_everything(pgvector: str, settings: Settings) -> None:
    made = install(settings.model_copy(update={"database_url": pgvector, "vector_url": pgvector}))
    with closing(made):
        assert {report.changed for report in ingest_policies(made.database, made.index, settings.corpora)} == {True}
        load_records(made.database, SAMPLE, TODAY)
        asker = made.assistant.account("t0001")
        answer = made.assistant.ask("镇级培训最多能计多少学时？", asker)
        assert "附件1/四/(二)" in [citation.locator for citation in answer.citations]
        hours = made.assistant.ask("我今年还差多少学时？", asker).calculation
        assert hours is not None
        assert hours.remaining == "12"


@pytest.mark.parametrize("place", ["chroma+http://127.0.0.1:{}", "postgresql+psycopg://u:hunter2@127.0.0.1:{}/x"])
def test_a_server_that_is_not_there_is_unavailable(place: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="XUESHI_VECTOR_URL") as told:
        Index(tmp_path, place.format(free_port()), "").open()
    assert len(str(told.value).splitlines()) == 1
    assert "hunter2" not in str(told.value)


def test_a_server_that_never_says_a_word_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.retrieval.chroma._READING", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(Unavailable, match="XUESHI_VECTOR_URL"):
        Index(tmp_path, f"chroma+http://127.0.0.1:{server.getsockname()[1]}", "").open()


def test_a_password_is_not_kept_beside_the_policies(pgvector: str, settings: Settings) -> None:
    with closing(Index(settings.home, pgvector.replace("postgres@", "postgres:hunter2@"), "")) as index:
        assert "hunter2" not in index.stamp


def test_a_database_without_pgvector_is_told_in_a_line(postgres: Server, postgres_address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CREATE EXTENSION vector") as told:
        Index(tmp_path, postgres_address, "").open()
    assert len(str(told.value).splitlines()) == 1
