"""Finding clauses: by wording, by meaning, by place."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.bootstrap import Installation
from assistant.errors import Unavailable
from assistant.retrieval.index import Entry, Index
from assistant.retrieval.search import quote, search, sentences
from assistant.retrieval.wording import Wording
from assistant.settings import Settings
from ingest.policies import ingest_policies

DONGGUAN, WEINAN = "广东省/东莞市/莞城街道/莞城中心小学", "陕西省/渭南市/临渭区/育红小学"
LINZI = "山东省/淄博市/临淄区/稷园小学"


def test_the_text_that_shares_rare_words_scores_best() -> None:
    scores = Wording(["教师培训经费", "教师培训学时", "教师名册", ""]).scores("培训的学时")
    assert max(scores) == scores[1]
    assert scores[0] > scores[2] == scores[3] == 0


@given(st.lists(st.text(), max_size=5), st.text())
def test_scores_are_never_negative(texts: list[str], query: str) -> None:
    scores = Wording(texts).scores(query)
    assert len(scores) == len(texts)
    assert all(score >= 0 for score in scores)


@given(st.text(alphabet="学时培训。！？；\n,a1", max_size=400), st.text(alphabet="学时培训", max_size=10))
def test_a_quote_is_verbatim(text: str, query: str) -> None:
    assert "".join(sentences(text)) == text
    if text.strip():
        assert quote(text, query) in text


@pytest.mark.parametrize(("place", "own"), [(DONGGUAN, {"dongguan-2023"}), (WEINAN, {"weinan-2019"}), (LINZI, set())])
def test_a_place_finds_its_own_policies_only(place: str, own: set[str], installation: Installation) -> None:
    with installation.database.read() as connection:
        hits = search(connection, installation.index, "教师每年要完成多少学时", place)
        assert {hit.policy.id for hit in hits} == own
        named = search(connection, installation.index, "东莞的教师每年要完成多少学时", place)
        assert {hit.policy.id for hit in named} == {"dongguan-2023"}


def test_a_clause_is_found_by_other_words(installation: Installation) -> None:
    with installation.database.read() as connection:
        found = search(connection, installation.index, "学校能不能让老师自己掏培训的钱", DONGGUAN, limit=3)
    assert {hit.clause.locator for hit in found} & {"二", "三/(二)", "附件1/四/(四)"}


def test_another_model_s_index_is_not_searched(settings: Settings, tmp_path: Path) -> None:
    """Vectors of two models can't be compared: it is said, not guessed."""
    from assistant.retrieval import embed
    from assistant.store.database import Database

    other = tmp_path / "other"
    shutil.copytree(embed.SHIPPED, other)
    (other / "note.txt").write_text("another model's folder")
    database = Database(settings.database)
    index = Index(settings.home, settings.vector_url, str(other))
    with database.read() as connection, pytest.raises(Unavailable, match="xueshi ingest policies"):
        search(connection, index, "教师每年要完成多少学时", DONGGUAN)
    reports = ingest_policies(database, index, settings.corpora)
    assert all(report.changed for report in reports)
    with database.read() as connection:
        assert search(connection, index, "教师每年要完成多少学时", DONGGUAN)
    index.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL of a Chroma server of the test's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    command = [str(chroma), "run", "--path", str(tmp_path / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"chroma+http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_a_server_finds_what_the_embedded_store_finds(server: str, tmp_path: Path) -> None:
    entries = [
        Entry("p", "一", "某省/某市", "教师每年完成学时"),
        Entry("p", "二", "某省/某市", "培训经费由学校承担"),
        Entry("q", "一", "某省/别市", "教师每年完成学时"),
    ]
    found = []
    for url in ("chroma:", server):
        index = Index(tmp_path / "home", url, "")
        index.add(entries)
        index.add(entries)
        found.append(index.nearest("每年的学时", ["某省/某市"], 10))
        index.keep_only("p", entries[:1])
        assert set(index.nearest("每年的学时", ["某省/某市"], 10)) == {entries[0].key}
        index.close()
    assert found[0] == pytest.approx(found[1])
    assert next(iter(found[0])) == entries[0].key
    assert set(found[0]) == {entry.key for entry in entries[:2]}


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="XUESHI_VECTOR_URL"):
        Index(tmp_path, f"chroma+http://127.0.0.1:{port}", "").open()
