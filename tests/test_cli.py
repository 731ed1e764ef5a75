"""The installed command `xueshi`: what it prints where, what it exits with, and that every fault is one clear line."""

import json
import os
import re
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import func, select

import evals.sample
from assistant.retrieval.index import open_stores
from assistant.settings import SHIPPED_CORPUS, Settings
from assistant.store.database import Database
from assistant.store.tables import Base
from ingest.policies import ingest_policies
from ingest.records import load_records

XUESHI = Path(sysconfig.get_path("scripts")) / "xueshi"
RECORDS = sorted(Path(evals.sample.__file__).parent.glob("*.csv"))
HOURS = "我今年还差多少学时？"
SECRET = "a shared secret that is long enough for HS256"
TODAY = "2023-11-15"


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def run(home: Path, *args: str, **settings: str) -> Ran:
    """Run `xueshi` as its own process, in a folder without `.env`, with these settings and no others."""
    home.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    given = {"XUESHI_HOME": str(home), "XUESHI_TODAY": TODAY} | settings
    done = subprocess.run(
        [XUESHI, *args], capture_output=True, env=plain | given, cwd=home.parent, encoding="utf-8", timeout=120
    )
    assert "Traceback" not in done.stderr
    assert not re.search(r"\.py\b", done.stderr), "the insides show"
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Runs commands two at a time: most of a command is waiting for its imports."""
    with ThreadPoolExecutor(2) as threads:
        yield threads
        threads.shutdown(cancel_futures=True)


@dataclass
class First:
    """The first commands on a fresh home."""

    home: Path
    policies_dry: Ran
    records_dry: Ran
    rows_after_dry: dict[str, int]
    policies: Ran
    records: Ran


def rows(home: Path) -> dict[str, int]:
    """How many rows each table has."""
    database, tables = Database(f"sqlite:///{home / 'xueshi.db'}"), Base.metadata.tables
    with database.read() as connection:
        counts = {name: connection.scalar(select(func.count()).select_from(tables[name])) or 0 for name in tables}
    database.close()
    return counts


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> First:
    home = tmp_path_factory.mktemp("cli") / "home"
    files = [str(path) for path in RECORDS]
    dry = [
        pool.submit(run, home, "ingest", "policies", "--dry-run", "--json"),
        pool.submit(run, home, "ingest", "records", "--dry-run", *files),
    ]
    policies_dry, records_dry = (future.result() for future in dry)
    found = rows(home)
    wet = [
        pool.submit(run, home, "ingest", "policies"),
        pool.submit(run, home, "ingest", "records", "--json", *files),
    ]
    policies, records = (future.result() for future in wet)
    return First(home, policies_dry, records_dry, found, policies, records)


# Ingesting.


def test_a_dry_run_of_policies_tells_and_writes_nothing(first: First) -> None:
    assert (first.policies_dry.code, first.policies_dry.err) == (0, "")
    told = json.loads(first.policies_dry.out)
    assert told["dry_run"] is True
    documents = {document["policy_id"]: document for document in told["documents"]}
    assert documents.keys() == {path.name for path in SHIPPED_CORPUS.iterdir()}
    assert documents["weinan-2019"]["number"] == "渭教师〔2019〕6号"
    for document in documents.values():
        assert document.keys() >= {"title", "number", "clauses", "repairs", "warnings"}
        assert document["clauses"] > 10
    assert first.rows_after_dry["policies"] == first.rows_after_dry["clauses"] == 0


def test_policies_are_ingested_and_told_one_by_one(first: First) -> None:
    assert (first.policies.code, first.policies.err) == (0, "")
    for line in ("dongguan-2023", "2023年东莞市中小学（幼儿园）教师培训计划", "渭教师〔2019〕6号"):
        assert line in first.policies.out
    assert first.policies.out.count("已索引") == len(list(SHIPPED_CORPUS.iterdir()))
    assert rows(first.home)["policies"] == len(list(SHIPPED_CORPUS.iterdir()))


def test_a_dry_run_of_records_tells_and_writes_nothing(first: First) -> None:
    assert (first.records_dry.code, first.records_dry.err) == (0, "")
    for path in RECORDS:
        assert path.name in first.records_dry.out
    assert "没有写入" in first.records_dry.out
    assert set(first.rows_after_dry.values()) == {0}


def test_records_are_loaded_and_counted(first: First) -> None:
    assert (first.records.code, first.records.err) == (0, "")
    told = json.loads(first.records.out)
    assert (told["loaded"], told["dry_run"], told["errors"]) == (True, False, [])
    counts = {file["kind"]: (file["added"], file["updated"], file["unchanged"]) for file in told["files"]}
    stored = rows(first.home)
    assert counts == {kind: (stored[kind], 0, 0) for kind in ("accounts", "budgets", "credits", "teachers", "units")}
    assert stored["credits"] > 2000


# Asking.


@pytest.fixture(scope="module")
def asked(first: First, pool: ThreadPoolExecutor) -> dict[str, Ran]:
    questions = {
        "text": ("ask", HOURS, "--as", "t0001"),
        "json": ("ask", HOURS, "--as", "t0001", "--json"),
        "another": ("ask", HOURS, "--as", "t0002", "--json"),
        "colleague": ("ask", "莫国栋今年还差多少学时？", "--as", "t0001"),
    }
    running = {name: pool.submit(run, first.home, *args) for name, args in questions.items()}
    return {name: future.result() for name, future in running.items()}


def test_an_answer_as_text_has_its_calculation_and_clauses(asked: dict[str, Ran]) -> None:
    answer = asked["text"]
    assert (answer.code, answer.err) == (0, "")
    assert "还差 12 学时" in answer.out
    total = next(line for line in answer.out.splitlines() if "合计" in line)
    assert re.findall(r"\d+", total) == ["90", "78", "12"]
    for line in (
        "专业科目（镇级）：已审核 20 学时，上限 12，计入 12，超出 8",
        "附件1/四/(二)",
        "附件1/四/(三)",
        "摘要",
    ):
        assert line in answer.out
    assert "[^" not in answer.out


def test_an_answer_as_json_has_every_field(asked: dict[str, Ran]) -> None:
    assert (asked["json"].code, asked["json"].err) == (0, "")
    answer = json.loads(asked["json"].out)
    assert answer.keys() == {
        *("id", "thread_id", "outcome", "text", "citations", "calculation", "projection", "plan", "tables"),
        "suggestions",
    }
    assert (answer["outcome"], answer["projection"], answer["plan"]) == ("answered", None, None)
    made = answer["calculation"]
    assert made.keys() == {
        *("rule_set", "carried_forward", "teacher_id", "from", "to", "required", "counted", "remaining", "met"),
        *("pending", "remaining_if_approved", "categories", "not_counted", "beyond_caps", "steps"),
    }
    figures = ("required", "counted", "remaining", "pending", "remaining_if_approved", "beyond_caps")
    assert [made[name] for name in figures] == ["90", "78", "12", "3", "9", "10"]
    for line in made["categories"]:
        assert line.keys() == {"category", "required", "recorded", "counted", "shortfall", "citation"}
        assert all(isinstance(value, str) for value in line.values())
    for part in made["not_counted"]:
        assert part.keys() == {"record_ids", "hours", "why", "citation"}
        assert isinstance(part["hours"], str)
    for step in made["steps"]:
        assert step.keys() == {"text", "citation", "record_ids"}
    for citation in answer["citations"]:
        assert citation.keys() == {
            *("id", "policy_id", "title", "number", "issuer", "issued_on", "locator", "quote", "text", "url", "sha256")
        }


def test_another_account_is_told_its_own_hours(asked: dict[str, Ran]) -> None:
    mine, other = json.loads(asked["json"].out), json.loads(asked["another"].out)
    assert (mine["calculation"]["teacher_id"], other["calculation"]["teacher_id"]) == ("T0001", "T0002")
    assert mine["calculation"]["counted"] != other["calculation"]["counted"]
    ours = {record for step in mine["calculation"]["steps"] for record in step["record_ids"]}
    assert not [record for record in ours if record in asked["another"].out]


def test_a_colleagues_hours_are_not_told(asked: dict[str, Ran]) -> None:
    answer = asked["colleague"]
    assert answer.code == 0
    assert "不在您可以查看的范围内" in answer.out
    assert not re.search("莫国栋|T0002|合计|R000", answer.out)


# Faults.


@dataclass
class Fault:
    """A command that must fail, with all of `said` in as many lines as there are faults."""

    args: tuple[str, ...]
    said: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    code: int = 1
    lines: int = 1
    empty: bool = False  # on a home where nothing was ever ingested


SIGN = ("token", "--as", "t0001")


def wrong(name: str, value: str) -> Fault:
    """A setting that stops the start with one line that names it."""
    return Fault(SIGN, (name,), {"XUESHI_AUTH_SECRET": SECRET, name: value}, code=2)


FAULTS = {
    "ask: an unknown account": Fault(("ask", HOURS, "--as", "nobody"), ("nobody", "没有登记")),
    "ask: an empty question": Fault(("ask", "", "--as", "t0001"), ("2000",)),
    "ask: 3,000 characters": Fault(("ask", "学" * 3000, "--as", "t0001"), ("2000", "3000")),
    "ask: nothing was ever ingested": Fault(("ask", HOURS, "--as", "t0001"), ("xueshi ingest",), empty=True),
    "records: a missing file": Fault(("ingest", "records", "nowhere.csv"), ("nowhere.csv", "不存在")),
    "records: bad rows": Fault(
        ("ingest", "records", "{files}/credits.csv", str(RECORDS[0])),
        ("credits.csv 第 2 行「hours」（-3）", "credits.csv 第 3 行「completed_on」（2023-02-30）"),
        lines=2,
    ),
    "records: a cut file": Fault(("ingest", "records", "{files}/cut.csv"), ("cut.csv", "双引号")),
    "rules check: malformed yaml": Fault(
        ("rules", "check"), ("broken-2023/policy.md", "第 4 行", "YAML"), {"XUESHI_CORPUS": "{files}/broken"}
    ),
    "ingest: a clause that rules cite is gone": Fault(
        ("ingest", "policies"),
        ("dongguan-2023", "F1", "F2", "附件1/四/(四)"),
        {"XUESHI_CORPUS": "{files}/gone"},
        lines=2,
    ),
    "serve: no secret": Fault(("serve",), ("XUESHI_AUTH_SECRET",), code=2),
    "serve: several processes on the embedded default": Fault(
        ("serve", "--workers", "2"), ("--workers", "XUESHI_VECTOR_URL"), {"XUESHI_AUTH_SECRET": SECRET}, code=2
    ),
    "token: no secret": Fault(SIGN, ("XUESHI_AUTH_SECRET",), code=2),
    "token: an unknown account": Fault(("token", "--as", "nobody"), ("nobody",), {"XUESHI_AUTH_SECRET": SECRET}),
    "today is no date": wrong("XUESHI_TODAY", "abc"),
    "no question a minute": wrong("XUESHI_RATE_LIMIT", "0"),
    "a corpus that is missing": wrong("XUESHI_CORPUS", "/nowhere/at/all"),
    "no Chroma address": wrong("XUESHI_VECTOR_URL", "ftp://x"),
    "no database address": wrong("XUESHI_DATABASE_URL", "nonsense"),
    "a name that nobody knows": wrong("XUESHI_RATE_LIMT", "3"),
}
USAGE = {
    "no account": ("ask", HOURS),
    "no such command": ("nonsense",),
    "a token for longer than an hour": (*SIGN, "--minutes", "61"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files at fault."""
    folder = tmp_path_factory.mktemp("files")
    header = RECORDS[2].read_text().splitlines()[0]
    (folder / "credits.csv").write_text(
        f"{header}\nR1,T0001,课,公需科目,省级,-3,2023-05-06,已审核,\nR2,T0002,课,公需科目,省级,3,2023-02-30,已审核,\n"
    )
    (folder / "cut.csv").write_text(f'{header}\nR1,T0001,"课')
    (folder / "broken" / "broken-2023").mkdir(parents=True)
    (folder / "broken" / "broken-2023" / "policy.md").write_text("---\nid: broken-2023\ntitle: [\n---\n正文。\n")
    gone = shutil.copytree(SHIPPED_CORPUS, folder / "gone") / "dongguan-2023" / "policy.md"
    text = gone.read_text()
    last = text.rindex("### （四）加大经费投入")
    assert "10%" in text[last:]
    gone.write_text(text[:last])
    return folder


@pytest.fixture(scope="module")
def failed(first: First, files: Path, pool: ThreadPoolExecutor) -> dict[str, Future[Ran]]:
    """All of these commands, under way."""

    def start(fault: Fault) -> Future[Ran]:
        home = files / "empty" / "home" if fault.empty else first.home
        args = [arg.replace("{files}", str(files)) for arg in fault.args]
        settings = {name: value.replace("{files}", str(files)) for name, value in fault.settings.items()}
        return pool.submit(run, home, *args, **settings)

    usage = {name: pool.submit(run, first.home, *args, XUESHI_AUTH_SECRET=SECRET) for name, args in USAGE.items()}
    return {name: start(fault) for name, fault in FAULTS.items()} | usage


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_in_a_line(failed: dict[str, Future[Ran]], name: str) -> None:
    done, fault = failed[name].result(), FAULTS[name]
    assert (done.code, done.out) == (fault.code, "")
    assert len(done.err.splitlines()) == fault.lines, done.err
    for words in fault.said:
        assert words in done.err


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_exits_with_two(failed: dict[str, Future[Ran]], name: str) -> None:
    done = failed[name].result()
    assert (done.code, done.out) == (2, "")
    assert "xueshi" in done.err


def test_a_misspelt_setting_is_told_the_right_name(failed: dict[str, Future[Ran]]) -> None:
    assert "XUESHI_RATE_LIMIT？" in failed["a name that nobody knows"].result().err


def test_what_was_refused_changed_nothing(first: First, failed: dict[str, Future[Ran]]) -> None:
    for name in ("records: bad rows", "ingest: a clause that rules cite is gone"):
        failed[name].result()
    database, index = open_stores(Settings.model_construct(home=first.home))
    reports = ingest_policies(database, index, [SHIPPED_CORPUS], dry_run=True)
    assert {report.changed for report in reports} == {False}
    database.close()
    assert rows(first.home)["credits"] == first.rows_after_dry["credits"] + len(RECORDS[2].read_text().splitlines()) - 1


def test_errors_as_json_stand_alone_on_stdout(first: First, files: Path) -> None:
    done = run(first.home, "ingest", "records", "--json", str(files / "credits.csv"))
    told = json.loads(done.out)
    assert (done.code, told["loaded"]) == (1, False)
    assert told["errors"] == done.err.splitlines()


def test_records_without_policies_give_no_number(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load_records(Database(f"sqlite:///{home / 'xueshi.db'}"), RECORDS, Settings.model_construct(today=None).clock())
    done = run(home, "ask", HOURS, "--as", "t0001", "--json")
    answer: dict[str, Any] = json.loads(done.out)
    assert done.code == 1
    assert (answer["outcome"], answer["calculation"]) == ("unavailable", None)
    assert "xueshi ingest policies" in answer["text"]
    assert not re.search(r"\d", answer["text"])


# Checking rules.


def test_the_shipped_rules_are_proven(first: First) -> None:
    done = run(first.home, "rules", "check")
    assert (done.code, done.err) == (0, "")
    for rule in ("R1", "C2", "C3", "360学时"):
        assert rule in done.out
    assert "不存在" not in done.out


def test_a_rule_whose_clause_is_gone_is_named(first: First, files: Path) -> None:
    done = run(first.home, "rules", "check", XUESHI_CORPUS=str(files / "gone"))
    assert done.code == 1
    faults = done.err.splitlines()
    assert len(faults) == 2
    for rule, told in zip(("F1", "F2"), faults, strict=True):
        assert all(words in told for words in ("dongguan-2023", rule, "附件1/四/(四)"))
    shown = [line for line in done.out.splitlines() if "不存在" in line]
    assert [rule for rule in ("F1", "F2", "R1") if any(rule in line for line in shown)] == ["F1", "F2"]


# The demo.


def test_the_demo_answers_and_does_no_work_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    once, again = run(home, "demo", "--no-serve"), run(home, "demo", "--no-serve")
    for done in (once, again):
        assert (done.code, done.err) == (0, "")
        assert "2023-11-15" in done.out
        assert "还差 12 学时" in done.out
        assert "附件1/四/(三)" in done.out
    assert re.search("新建索引 [1-9]", once.out)
    assert re.search("新载入 [1-9]", once.out)
    assert "新建索引 0" in again.out
    assert "新载入 0" in again.out
    assert [path.name for path in home.iterdir()] == ["demo"], "the demo keeps to a folder of its own"


def test_a_port_in_use_is_told_in_a_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path / "home", "serve", "--port", port, XUESHI_AUTH_SECRET=SECRET)
    assert done.code == 2
    assert port in done.err
    assert "--port" in done.err
    assert len(done.err.splitlines()) == 1
