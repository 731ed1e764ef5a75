"""Record files over HTTP: administrators import for their own unit and below, and learn of nothing beyond."""

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from api.app import create_app
from api.cli_imports import imports
from assistant.errors import InputError
from assistant.store.loading import COLUMNS, KINDS, Kind
from assistant.store.tables import Base
from ingest.records import load_records
from tests.api.conftest import SECRET, TODAY, settings_for

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
TOWN = "广东省/东莞市/莞城街道"
SCHOOL, COLLEAGUES = f"{TOWN}/莞城中心小学", f"{TOWN}/莞城实验中学"
ELSEWHERE = "广东省/东莞市/虎门镇/虎门中心小学"
OWN, HEAD = "admin-gczx", "admin-guancheng"  # of SCHOOL, of TOWN
MINE, THEIRS, NOBODY = "T0001", "T9001", "T9999"
OUTSIDE = "这一行不在您可以维护的范围内，或者它所指的教师、单位没有登记。"


@pytest.fixture(scope="module")
def web(made_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An application whose records these tests may change; a teacher T9001 works elsewhere, with a record R9001."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("imports") / "home")
    folder = tmp_path_factory.mktemp("files")
    with TestClient(create_app(settings_for(home, auth_secret=SECRET)), raise_server_exceptions=False) as client:
        files = []
        for kind, rows in (
            ("teachers", [f"{THEIRS},何平,{ELSEWHERE},小学,语文,2020-08-01,"]),
            ("credits", [f"R9001,{THEIRS},课,公需科目,省级,2,2023-01-01,已审核,"]),
            ("accounts", [f"t9001,teacher,{THEIRS},,"]),
        ):
            files.append(folder / f"{kind}.csv")
            files[-1].write_text(csv(kind, *rows)[1].decode())
        load_records(client.app.state.installation.database, files, TODAY)  # type: ignore[attr-defined]
        yield client


def csv(kind: Any, *rows: str, name: str = "") -> tuple[str, bytes]:
    return name or f"{kind}.csv", "\n".join([",".join(COLUMNS[kind]), *rows]).encode()


@pytest.fixture
def send(web: TestClient, bearer: Headers) -> Callable[..., Any]:
    """Uploads files as an account; gives the response."""

    def sent(*files: tuple[str, bytes], account: str = OWN, **query: Any) -> Any:
        parts = [("files", file) for file in files]
        return web.post("/v1/imports", files=parts or None, params=query, headers=bearer(account))

    return sent


@pytest.fixture
def untouched(web: TestClient) -> Iterator[None]:
    """Holds a test to changing nothing that is stored."""
    before = dump(web)
    yield
    assert dump(web) == before


def dump(web: TestClient) -> dict[str, list[Any]]:
    names = [*KINDS, "imports", "formers"]
    with web.app.state.installation.database.read() as connection:  # type: ignore[attr-defined]
        tables = {name: Base.metadata.tables[name] for name in names}
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in tables.items()}


def credit(number: str, teacher: str, hours: str = "2") -> str:
    return f"{number},{teacher},校本研修,个人选修科目,校级,{hours},2023-03-06,已审核,"


# What an administrator imports


def test_files_are_loaded_reported_and_undone(web: TestClient, send: Any, bearer: Headers) -> None:
    before = {kind: dump(web)[kind] for kind in KINDS}
    told = send(csv("credits", credit("N1", MINE)), csv("teachers", f"N1,新人,{SCHOOL},小学,语文,2023-08-01,"))
    assert told.status_code == 200, told.text
    report = told.json()
    assert [(file["file"], file["kind"], file["added"]) for file in report["files"]] == [
        ("credits.csv", "credits", 1),
        ("teachers.csv", "teachers", 1),
    ]
    logged = web.get("/v1/imports", headers=bearer(OWN)).json()["imports"][0]
    assert (logged["id"], logged["account"], logged["files"]) == (report["import_id"], OWN, report["files"])
    assert datetime.fromisoformat(logged["made_at"]).utcoffset() == timedelta(hours=8)
    undone = web.post(f"/v1/imports/{report['import_id']}/undo", headers=bearer(OWN))
    assert undone.json() == {"import_id": report["import_id"], "removed": 2, "restored": 0}
    assert {kind: dump(web)[kind] for kind in KINDS} == before
    again = web.post(f"/v1/imports/{report['import_id']}/undo", headers=bearer(OWN))
    assert again.status_code == 422


def test_a_workbook(send: Any) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, COLUMNS["credits"])
    sheet.write_row(1, 0, ["N2", MINE, "课", "公需科目", "省级", 4.5, "2023-01-01", "已审核"])
    book.close()
    told = send(("学时.XLSX", content.getvalue()), dry_run=True)
    assert told.status_code == 200, told.text
    assert [file["added"] for file in told.json()["files"]] == [1]


@pytest.mark.usefixtures("untouched")
def test_a_dry_run_writes_nothing(send: Any) -> None:
    told = send(csv("credits", credit("N3", MINE)), dry_run=True)
    assert (told.status_code, told.json()["import_id"], told.json()["files"][0]["added"]) == (200, None, 1)


@pytest.mark.usefixtures("untouched")
def test_every_fault_of_every_file_is_told(send: Any, problem: Problem) -> None:
    told = send(csv("credits", credit("N3", MINE, "-2"), credit("N4", MINE, "x")), csv("units", "粤//x,town"))
    assert "3 处" in problem(told, 422)
    assert [error.split("（")[0] for error in told.json()["errors"]] == [
        "credits.csv 第 2 行「hours」",
        "credits.csv 第 3 行「hours」",
        "units.csv 第 2 行「unit」",
    ]
    only = send(csv("credits", credit("N3", MINE, "-2")))
    assert problem(only, 422) == only.json()["errors"][0] == "credits.csv 第 2 行「hours」（-2）：学时必须大于 0。"


@pytest.mark.usefixtures("untouched")
def test_very_many_faults_are_cut(send: Any, problem: Problem) -> None:
    told = send(csv("credits", *(credit(f"N{number}", MINE, "x") for number in range(1500))))
    assert "1500" in problem(told, 422)
    assert len(told.json()["errors"]) == 1001
    assert "500" in told.json()["errors"][-1]


# Whose


@pytest.mark.usefixtures("untouched")
def test_only_administrators(web: TestClient, send: Any, bearer: Headers, problem: Problem) -> None:
    problem(send(csv("credits", credit("N1", MINE)), account="t0001"), 403)
    problem(web.get("/v1/imports", headers=bearer("t0001")), 403)
    problem(web.post("/v1/imports/1/undo", headers=bearer("t0001")), 403)
    problem(web.post("/v1/imports"), 401)


# What lies outside: of another unit and of nothing at all, by kind.
BEYOND: Sequence[tuple[Kind, str, str]] = [
    ("credits", credit("N1", THEIRS), credit("N1", NOBODY)),
    ("teachers", f"N1,新人,{ELSEWHERE},小学,语文,2020-08-01,", "N1,新人,广东省/东莞市/没有,小学,语文,2020-08-01,"),
    ("budgets", f"{ELSEWHERE},2023,1,1,,", "广东省/东莞市/没有,2023,1,1,,"),
    ("budgets", "广东省/东莞市,2023,,,1,1", "广东省/没有,2023,,,1,1"),
    ("units", f"{ELSEWHERE},school", "广东省/东莞市/没有,school"),
    ("units", f"{ELSEWHERE},town", "广东省/东莞市/没有,town"),
    ("accounts", f"n1,teacher,{THEIRS},,", f"n1,teacher,{NOBODY},,"),
    ("accounts", f"n1,school_admin,,{ELSEWHERE},", "n1,school_admin,,广东省/东莞市/没有,"),
    ("accounts", f"n1,teacher,{MINE},{ELSEWHERE},", f"n1,teacher,{MINE},广东省/东莞市/没有,"),
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("account", [OWN, HEAD])
@pytest.mark.parametrize(("kind", "there", "nowhere"), BEYOND)
def test_what_lies_outside_is_refused_in_the_same_words(
    send: Any, problem: Problem, account: str, kind: Kind, there: str, nowhere: str
) -> None:
    told = [send(csv(kind, row), account=account) for row in (there, nowhere)]
    for response in told:
        problem(response, 422)
        (error,) = response.json()["errors"]
        assert error.endswith(f"：{OUTSIDE}")
    assert told[0].json()["errors"][0].replace(there.split(",")[0], "") == told[1].json()["errors"][0].replace(
        nowhere.split(",")[0], ""
    )


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("kind", "row"),
    [
        # What is stored under the key is another's, whatever the row would make of it.
        ("credits", credit("R9001", MINE)),
        ("teachers", f"{THEIRS},何平,{SCHOOL},小学,语文,2020-08-01,"),
        ("teachers", f"{MINE},林晓岚,{ELSEWHERE},小学,语文,2000-08-01,"),
        ("accounts", f"t9001,teacher,{MINE},,"),
        # One's own unit and level, and what is above.
        ("units", f"{SCHOOL},town"),
        ("units", f"{TOWN},school"),
        ("accounts", f"n1,school_admin,,{SCHOOL},"),
        ("accounts", f"{OWN},teacher,{MINE},,"),
        ("accounts", f"{HEAD},teacher,{MINE},,"),
        ("accounts", f"n1,city_admin,,{SCHOOL},"),
        ("budgets", f"{TOWN},2023,,,1,1"),
    ],
)
def test_what_is_anothers_or_above_is_refused(send: Any, problem: Problem, kind: Kind, row: str) -> None:
    told = send(csv(kind, row))
    problem(told, 422)
    assert told.json()["errors"][0].endswith(OUTSIDE)


@pytest.mark.usefixtures("untouched")
def test_a_teacher_and_their_records_are_not_taken_over_together(send: Any, problem: Problem) -> None:
    taken = send(
        csv("teachers", f"{THEIRS},何平,{SCHOOL},小学,语文,2020-08-01,"), csv("credits", credit("R9001", THEIRS))
    )
    problem(taken, 422)
    assert [error.partition("：")[2] for error in taken.json()["errors"]] == [OUTSIDE] * 2


@pytest.mark.usefixtures("untouched")
def test_what_a_bad_row_names_is_not_outside(send: Any, problem: Problem) -> None:
    told = send(csv("teachers", "N5,新人,,小学,语文,2023-08-01,"), csv("credits", credit("N5", "N5")))
    assert problem(told, 422) == "teachers.csv 第 2 行「unit」（空）：不能为空，请填写。"


def test_below_ones_unit_is_ones_own(web: TestClient, send: Any, bearer: Headers, problem: Problem) -> None:
    told = send(
        csv("units", f"{TOWN}/新校,school"),
        csv("teachers", f"N7,新人,{TOWN}/新校,小学,语文,2023-08-01,"),
        csv("credits", credit("N7", "N7")),
        csv("budgets", f"{TOWN}/新校,2023,1,1,,", f"{TOWN},2022,,,1,1"),
        csv("accounts", f"n7,teacher,N7,{TOWN}/新校,", f"n8,school_admin,,{TOWN}/新校,"),
        account=HEAD,
    )
    assert told.status_code == 200, told.text
    number = told.json()["import_id"]
    # The school below neither sees nor undoes it, nor does anybody elsewhere.
    for other in (OWN, "admin-hmzx", "admin-humen"):
        assert number not in [one["id"] for one in web.get("/v1/imports", headers=bearer(other)).json()["imports"]]
        problem(web.post(f"/v1/imports/{number}/undo", headers=bearer(other)), 404)
    assert web.post(f"/v1/imports/{number}/undo", headers=bearer("admin-dongguan")).status_code == 200


def test_the_operators_imports_are_nobodys(web: TestClient, bearer: Headers, problem: Problem) -> None:
    before = dump(web)
    assert 1 not in [one["id"] for one in web.get("/v1/imports", headers=bearer("admin-dongguan")).json()["imports"]]
    there = problem(web.post("/v1/imports/1/undo", headers=bearer("admin-dongguan")), 404)
    assert there == problem(web.post(f"/v1/imports/{10**30}/undo", headers=bearer("admin-dongguan")), 404)
    assert dump(web) == before


# Uploads that are none


@pytest.mark.usefixtures("untouched")
def test_an_upload_that_is_too_large(web: TestClient, send: Any, bearer: Headers, problem: Problem) -> None:
    large = [("a.csv", bytes(11_000_000)), ("b.csv", bytes(11_000_000))]
    assert "20 MB" in problem(send(*large), 413)

    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
        for _ in range(30):
            yield bytes(1_000_000)

    headers = {**bearer(OWN), "Content-Type": "multipart/form-data; boundary=x"}
    problem(web.post("/v1/imports", content=pieces(), headers=headers), 413)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "files",
    [
        [],
        [("a.txt", b"x")],
        [("a.xls", b"x")],
        [("", b"x")],
        [("a.csv", b"unit,level"), ("a.csv", b"unit,level")],
        [(f"{number}.csv", b"unit,level") for number in range(21)],
    ],
)
def test_files_that_are_not_taken(send: Any, problem: Problem, files: list[tuple[str, bytes]]) -> None:
    told = send(*files)
    assert problem(told, 422)
    assert told.json()["errors"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nunit\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="other"; filename="a.csv"\r\n\r\nunit,level\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_bodies_that_are_no_upload(
    web: TestClient, bearer: Headers, problem: Problem, content: bytes, kind: str
) -> None:
    told = web.post("/v1/imports", content=content, headers={**bearer(OWN), "Content-Type": kind})
    assert problem(told, 422)


@pytest.mark.usefixtures("untouched")
def test_a_name_that_is_a_path_is_only_a_name(send: Any, problem: Problem) -> None:
    told = send(csv("credits", credit("N1", MINE, "x"), name="../../etc/坏.csv"))
    assert problem(told, 422).startswith("坏.csv 第 2 行")
    assert not re.search(r"/(tmp|var|etc)", told.text)


# The command line


def test_the_log_on_the_command_line(made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_HOME", str(shutil.copytree(made_home, tmp_path / "home")))
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    first = run(imports, [])
    assert first.exit_code == 0
    assert "命令行" in first.stdout
    assert "credits.csv" in first.stdout
    (told,) = json.loads(run(imports, ["--json"]).stdout)
    assert (told["id"], told["account"], told["undone_at"]) == (1, None, None)
    undone = run(imports, ["undo", "1"])
    assert (undone.exit_code, "已撤销第 1 次导入" in undone.stdout) == (0, True)
    assert isinstance(run(imports, ["undo", "1"]).exception, InputError)
    (told,) = json.loads(run(imports, ["--json"]).stdout)
    assert told["undone_at"] > told["made_at"]
