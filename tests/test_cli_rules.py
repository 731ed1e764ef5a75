"""`xueshi compliance` and `xueshi rules` as an operator runs them."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from api.cli import app
from assistant.errors import InputError
from assistant.settings import SHIPPED_CORPUS
from assistant.store.database import Database
from assistant.store.tables import Standing

CITY = "广东省/东莞市"
Run = Callable[..., bytes]


@pytest.fixture
def run(made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a home of its own; what it printed. A fault is raised as it is."""
    home = shutil.copytree(made_home, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XUESHI_HOME", str(home))
    monkeypatch.setenv("XUESHI_TODAY", "2023-11-15")

    def ran(*arguments: str) -> bytes:
        done = CliRunner().invoke(app, list(arguments))
        if done.exception:
            raise done.exception
        return done.stdout_bytes

    return ran


def test_json_is_the_report_alone(run: Run) -> None:
    made = json.loads(run("compliance", "--unit", CITY, "--level", "town", "--format", "json"))
    assert (made["rule_set"], made["totals"]["teachers"], made["totals"]["met"]) == ("dongguan-2023", 106, 66)


def test_a_table_names_units_shortly_and_shows_every_figure(run: Run) -> None:
    text = run("compliance", "--unit", CITY, "--level", "town").decode()
    assert "莞城街道" in text
    assert f"{CITY}/莞城街道" not in text
    assert all(figure in text for figure in ("55", "36", "19", "0.6545", "680", "0.021"))


def test_files_are_written_whole(run: Run, tmp_path: Path) -> None:
    run("compliance", "--unit", CITY, "--level", "teacher", "--format", "xlsx", "--output", str(tmp_path / "名单.xlsx"))
    assert (tmp_path / "名单.xlsx").read_bytes().startswith(b"PK")
    assert run("compliance", "--unit", CITY, "--format", "csv").startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_file_that_can_t_be_written_is_one_line(run: Run, tmp_path: Path, form: str) -> None:
    for place in (tmp_path, tmp_path / "nowhere" / "x"):
        with pytest.raises(InputError, match="--output"):
            run("compliance", "--unit", CITY, "--format", form, "--output", str(place))


@pytest.mark.parametrize(
    "arguments",
    [
        ("compliance", "--unit", "广东省/x", "--verify"),
        ("rules", "diff", "dongguan-2023", "--set", "R1=72", "--unit", f"{CITY}/x"),
        ("rules", "diff", "dongguan-2023", "--set", "R1=72", "--unit", "陕西省/渭南市"),
        ("rules", "diff", "dongguan-2023", "--set", "R1=72", "--set", "R1=80"),
    ],
)
def test_a_slip_is_no_success(run: Run, arguments: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        run(*arguments)


def test_no_such_unit_is_one_line(run: Run) -> None:
    with pytest.raises(InputError, match="--unit 广东省/东管市：没有这个单位"):
        run("compliance", "--unit", "广东省/东管市")


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of the shipped rules with one figure changed."""

    def copied(old: str, new: str) -> Path:
        folder = shutil.copytree(SHIPPED_CORPUS / "dongguan-2023", tmp_path / "changed" / "dongguan-2023")
        path = folder / "rules.yaml"
        rules = path.read_text("utf-8")
        assert rules.count(old) == 1
        path.write_text(rules.replace(old, new), "utf-8")
        return folder

    return copied


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("R4, category: 个人选修科目, at_least: 18", "R4, category: 个人选修科目, at_least: 24", True),
        ("R1, at_least: 90", "R1, at_least: 80", False),
    ],
)
def test_who_flips_is_who_the_reports_tell_apart(
    run: Run, changed: Callable[[str, str], Path], old: str, new: str, lost: bool
) -> None:
    folder = changed(old, new)
    made = json.loads(run("rules", "diff", "dongguan-2023", str(folder), "--json"))
    before = json.loads(run("compliance", "--unit", CITY, "--level", "teacher", "--format", "json"))
    remaining = {one["teacher_id"]: Decimal(one["remaining"]) for one in before["teachers"]}
    assert made["teachers"] == before["totals"]["teachers"]
    for one in made["flips"]:
        assert Decimal(one["before"]) == remaining[one["teacher_id"]]
        assert (Decimal(one["before"]) == 0) != (Decimal(one["after"]) == 0)
    if lost:
        assert any(one["before"] == "0" for one in made["flips"])


def test_figures_can_be_changed_without_a_copy(run: Run, changed: Callable[[str, str], Path]) -> None:
    folder = changed("R4, category: 个人选修科目, at_least: 18", "R4, category: 个人选修科目, at_least: 24")
    whole = json.loads(run("rules", "diff", "dongguan-2023", str(folder), "--json"))
    assert json.loads(run("rules", "diff", "dongguan-2023", "--set", "R4=24", "--json")) == whole


def test_whoever_sees_who_flips_is_noted(run: Run) -> None:
    run("rules", "diff", "dongguan-2023", "--set", "R4=24", "--json")
    seen = [line for line in json.loads(run("audit", "--json")) if line["act"] == "roster"]
    assert [(line["account"], line["unit"]) for line in seen] == [(None, CITY)]


@pytest.mark.parametrize("figure", ["R4", "R4=多", "R9=3", "F1=1/0", "R1=-3", "F1=-1/2"])
def test_a_figure_that_can_t_be_is_told(run: Run, figure: str) -> None:
    with pytest.raises(InputError, match=figure.partition("=")[0]):
        run("rules", "diff", "dongguan-2023", "--set", figure)


def test_what_is_stored_is_verified(run: Run) -> None:
    assert "存有 0 位教师" in run("compliance", "--unit", CITY, "--verify").decode()
    run("compliance", "--unit", CITY)
    assert "存有 106 位教师的结果，与重算完全一致" in run("compliance", "--unit", CITY, "--verify").decode()


def test_a_stored_figure_that_is_not_what_the_records_make_is_found(run: Run, tmp_path: Path) -> None:
    run("compliance", "--unit", CITY)
    database = Database(f"sqlite:///{tmp_path / 'home' / 'xueshi.db'}")
    with database.write() as connection:
        connection.execute(update(Standing).where(Standing.teacher_id == "T0001").values(remaining=0))
    database.close()
    with pytest.raises(InputError, match="T0001"):
        run("compliance", "--unit", CITY, "--verify")


def test_the_same_rules_flip_nobody(run: Run) -> None:
    assert (
        "0 人由达标变为未达标，0 人由未达标变为达标" in run("rules", "diff", "dongguan-2023", "dongguan-2023").decode()
    )


@pytest.mark.parametrize("name", ["没有", "henan-2023"])
def test_what_can_t_be_compared_is_told(run: Run, name: str) -> None:
    with pytest.raises(InputError):
        run("rules", "diff", "dongguan-2023", name)


def test_a_fault_is_told_with_its_line(
    run: Run, changed: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figure and the example that it makes fail."""
    folder = changed("at_most: 6,", "at_most: 7,")
    monkeypatch.setenv("XUESHI_CORPUS", str(folder.parent))
    with pytest.raises(InputError) as caught:
        run("rules", "check")
    lines = (folder / "rules.yaml").read_text("utf-8").splitlines()
    at = [next(n for n, line in enumerate(lines, 1) if words in line) for words in ("id: C3", "say: 公需30")]
    assert [told.split("：")[0] for told in caught.value.problems] == [
        f"{folder / 'rules.yaml'} 第 {number} 行" for number in at
    ]


def test_a_figure_that_an_original_contradicts_is_found(run: Run, tmp_path: Path) -> None:
    digest = (SHIPPED_CORPUS / "dongguan-2023" / "policy.md").read_text("utf-8").split("---\n", 2)[2]
    text = "".join(line.lstrip("# ") for line in digest.splitlines(keepends=True))
    for said, fault in ((text, ""), (text.replace("累计不少于90学时", "累计不少于80学时"), "R1")):
        (tmp_path / "dongguan-2023.md").write_text(said + "\n东莞市教育局\n2023年3月1日\n", "utf-8")
        run("ingest", "policies", str(tmp_path / "dongguan-2023.md"))
        if fault:
            with pytest.raises(InputError, match=fault):
                run("rules", "check")
        else:
            run("rules", "check")


def test_rules_are_shown_as_sentences_and_proven(run: Run) -> None:
    assert "专业科目（镇级）的学时：一个核算期内最多计入12学时" in run("rules", "show", "dongguan-2023").decode()
    text = run("rules", "check").decode()
    assert "提示：dongguan-2023" in text
    assert "examples.1" in text
