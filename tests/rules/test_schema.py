"""Rule files as an administrator writes them: every slip is one line that names the file and the key."""

import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from assistant.errors import InputError
from assistant.rules.schema import RuleFile
from ingest.corpus import read_entry

POLICY = """\
---
id: some-city
title: 某市教师培训办法
issuer: 某市教育局
unit: 某省/某市
effective_from: 2023-01-01
text: digest
source: 自拟
---

## 一、学时

每年不少于90学时。
"""
RULES = """\
versions:
- from: 2023-01-01
  to: 2023-12-31
  cycle: {id: P1, years: 1, first: 2023, clause: 一}
  admit:
  - {id: A1, status: [已审核], clause: 一}
  count:
  - {id: C1, where: {category: [专业科目], organiser: [镇级]}, at_most: 12, clause: 一}
  - {id: C2, clause: 一}
  require:
  - {id: R1, at_least: 90, clause: 一}
  - {id: R2, category: 专业科目, at_least: 42, clause: 一}
  ratio:
  - {id: F1, name: 经费, per: [school], top: training_spend, bottom: public_funds, at_least: 10/100, clause: 一}
  coverage:
  - {id: V1, name: 覆盖, per: [town], organiser: 镇级, count: persons, at_least: 50/100, clause: 一}
  share:
  - {id: S1, name: 实践, part: 实践性课程, of: 全部课程, at_least: 40/100, who: [承训单位], clause: 一}
  debar:
  - {id: D1, name: 禁训, event: [未参训, 被劝退], years: 3, from: 省级集中培训, clause: 一}
  stated:
  - {id: T1, name: 经费, beside: 集中培训, value: 400, unit: 元, bound: exactly, who: [承训单位], clause: 一}
  deadline:
  - {id: L1, name: 申报, beside: 申报书, by: 2023-11-20, who: [市级, 县级], clause: 一}
  untranslated:
  - {clause: 一, text: 义务, why: 没有资料}
"""
HOUR_TABLES = ("cycle", "admit", "count", "require")
SECOND = """\
- from: {start}
  cycle: {{id: P1, years: 1, first: 2023, clause: 一}}
  admit: [{{id: A1, status: [已审核], clause: 一}}]
  count: [{{id: C1, clause: 一}}]
  require: [{{id: R1, at_least: 60, clause: 一}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "some-city"
    path.mkdir()
    (path / "policy.md").write_text(POLICY, encoding="utf-8")
    return path


def read(folder: Path, rules: str) -> RuleFile:
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    found = read_entry(folder).rules
    assert found is not None
    return found


def edited(old: str, new: str) -> str:
    assert RULES.count(old) == 1
    return RULES.replace(old, new)


def without(*tables: str) -> str:
    """The rules less some tables of their one version."""
    version = yaml.safe_load(RULES)["versions"][0]
    kept = {key: value for key, value in version.items() if key not in tables}
    return yaml.safe_dump({"versions": [kept]}, allow_unicode=True)


def problem(folder: Path, rules: str) -> str:
    """The one line that reading `rules` ends in, without the file's name and the line in it."""
    with pytest.raises(InputError) as caught:
        read(folder, rules)
    [line] = caught.value.problems
    assert "\n" not in line
    path = str(folder / "rules.yaml")
    assert line.startswith(path)
    return re.sub(r"^ 第 \d+ 行(?=：)", "", line.removeprefix(path))


def test_a_sound_file_is_read(folder: Path) -> None:
    [version] = read(folder, RULES).versions
    assert [line.id for line in version.lines()] == [
        *("P1", "A1", "C1", "C2", "R1", "R2"),
        *("F1", "V1", "S1", "D1", "T1", "L1"),
    ]
    assert version.count[0].at_most == 1200
    assert [line.at_least for line in version.require] == [9000, 4200]


def test_hours_may_be_whole_or_a_quoted_decimal(folder: Path) -> None:
    [version] = read(folder, edited("at_most: 12,", "at_most: '4.5',")).versions
    assert version.count[0].at_most == 450


def test_what_was_read_is_written_out_as_the_same_file(folder: Path) -> None:
    rules = read(folder, edited("at_most: 12,", "at_most: '4.5',"))
    stored = rules.model_dump(mode="json", by_alias=True)
    assert stored["versions"][0]["count"][0]["at_most"] == "4.5"
    assert RuleFile.model_validate(stored) == rules


def test_a_version_may_have_no_hour_rules(folder: Path) -> None:
    rules = read(folder, without(*HOUR_TABLES))
    [version] = rules.versions
    assert [line.id for line in version.lines()] == ["F1", "V1", "S1", "D1", "T1", "L1"]
    assert rules.with_hours == []
    assert RuleFile.model_validate(rules.model_dump(mode="json", by_alias=True)) == rules


@pytest.mark.parametrize("table", ["ratio", "coverage", "share", "debar", "stated", "deadline", "untranslated"])
def test_any_other_table_alone_makes_a_version(folder: Path, table: str) -> None:
    others = {"ratio", "coverage", "share", "debar", "stated", "deadline", "untranslated"} - {table}
    [version] = read(folder, without(*HOUR_TABLES, *others)).versions
    assert len([*version.lines(), *version.untranslated]) == 1


@pytest.mark.parametrize(
    "missing", [some for size in (1, 2, 3) for some in combinations(HOUR_TABLES, size)], ids="-".join
)
def test_hour_rules_are_given_whole_or_not_at_all(folder: Path, missing: tuple[str, ...]) -> None:
    line = problem(folder, without(*missing))
    assert line.startswith("：versions.0：")
    assert line.endswith(f"缺少 {'、'.join(missing)}")


@pytest.mark.parametrize("rules", ["- from: 2023-01-01\n", "- from: 2023-01-01\n  ratio: []\n  untranslated: []\n"])
def test_a_version_without_anything_is_refused(folder: Path, rules: str) -> None:
    line = problem(folder, "versions:\n" + rules)
    assert line.startswith("：versions.0：")
    assert "空的" in line


def test_versions_with_and_without_hour_rules_stand_in_one_file(folder: Path) -> None:
    later = "- from: 2024-01-01\n  untranslated: [{clause: 一, text: 义务, why: 没有资料}]\n"
    rules = read(folder, RULES + later)
    assert [version.from_.year for version in rules.versions] == [2023, 2024]
    assert [version.from_.year for version in rules.with_hours] == [2023]


@pytest.mark.parametrize(
    ("value", "unit", "figure"),
    [(400, "元", Fraction(400)), (60, "学时", Fraction(60)), (5, "'%'", Fraction(5, 100))],
)
def test_a_stated_figure_is_a_number_of_its_unit(folder: Path, value: int, unit: str, figure: Fraction) -> None:
    [version] = read(folder, edited("value: 400, unit: 元", f"value: {value}, unit: {unit}")).versions
    assert [(list(line.figures), line.unit) for line in version.stated] == [([figure], unit.strip("'"))]


@pytest.mark.parametrize("day", ["2022-12-31", "2024-01-01"])
def test_a_deadline_lies_within_its_version(folder: Path, day: str) -> None:
    line = problem(folder, edited("by: 2023-11-20", f"by: {day}"))
    assert line.startswith("：versions.0：")
    assert "有效期" in line
    assert "L1" in line


@pytest.mark.parametrize("day", ["2023-01-01", "2023-12-31"])
def test_a_deadline_may_be_the_first_or_the_last_day(folder: Path, day: str) -> None:
    [version] = read(folder, edited("by: 2023-11-20", f"by: {day}")).versions
    assert [str(line.by) for line in version.deadline] == [day]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("  to: 2023-12-31", "  to: 2023-12-31\n  until: 2024-12-31", "versions.0.until"),
        ("years: 1,", "years: 1, months: 6,", "versions.0.cycle.months"),
        ("status: [已审核],", "status: [已审核], stage: 小学,", "versions.0.admit.0.stage"),
        ("at_most: 12,", "at_mots: 12,", "versions.0.count.0.at_mots"),
        ("organiser: [镇级]}", "organisers: [镇级]}", "versions.0.count.0.where.organisers"),
        ("id: R2,", "id: R2, at_most: 50,", "versions.0.require.1.at_most"),
        ("per: [school],", "per: [school], unit: 元,", "versions.0.ratio.0.unit"),
        ("count: persons,", "count: persons, of: teachers,", "versions.0.coverage.0.of"),
        ("part: 实践性课程,", "part: 实践性课程, per: [school],", "versions.0.share.0.per"),
        ("years: 3,", "years: 3, who: [市级],", "versions.0.debar.0.who"),
        ("value: 400,", "value: 400, measure: 元,", "versions.0.stated.0.measure"),
        ("by: 2023-11-20,", "by: 2023-11-20, at: 12,", "versions.0.deadline.0.at"),
        ("why: 没有资料", "why: 没有资料, id: U1", "versions.0.untranslated.0.id"),
    ],
)
def test_an_unknown_key_is_refused_wherever_it_stands(folder: Path, old: str, new: str, key: str) -> None:
    assert problem(folder, edited(old, new)) == f"：{key}：不认识的键"


def test_an_unknown_key_beside_the_versions_is_refused(folder: Path) -> None:
    assert problem(folder, RULES + "unit: 某省/某市\n") == "：unit：不认识的键"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("- from: 2023-01-01\n  to", "- to", "versions.0.from"),
        ("years: 1, ", "", "versions.0.cycle.years"),
        ("status: [已审核], ", "", "versions.0.admit.0.status"),
        ("{id: C2, clause: 一}", "{id: C2}", "versions.0.count.1.clause"),
        ("id: R1, ", "", "versions.0.require.0.id"),
        ("id: R1, at_least: 90,", "id: R1,", "versions.0.require.0.at_least"),
        ("top: training_spend, ", "", "versions.0.ratio.0.top"),
        ("count: persons, ", "", "versions.0.coverage.0.count"),
        ("part: 实践性课程, ", "", "versions.0.share.0.part"),
        ("event: [未参训, 被劝退], ", "", "versions.0.debar.0.event"),
        ("from: 省级集中培训, ", "", "versions.0.debar.0.from"),
        ("unit: 元, ", "", "versions.0.stated.0.unit"),
        ("beside: 集中培训, ", "", "versions.0.stated.0.beside"),
        ("bound: exactly, ", "", "versions.0.stated.0.bound"),
        ("by: 2023-11-20, ", "", "versions.0.deadline.0.by"),
    ],
)
def test_a_missing_key_is_named(folder: Path, old: str, new: str, key: str) -> None:
    assert problem(folder, edited(old, new)) == f"：{key}：缺少此键"


@pytest.mark.parametrize(
    ("old", "new", "key", "told"),
    [
        ("id: C2", "id: C1", "versions.0", "C1"),
        ("id: R1", "id: P1", "versions.0", "P1"),
        ("id: V1", "id: F1", "versions.0", "F1"),
        ("id: S1", "id: R2", "versions.0", "R2"),
        ("id: D1", "id: S1", "versions.0", "S1"),
        ("id: T1", "id: D1", "versions.0", "D1"),
        ("id: L1", "id: T1", "versions.0", "T1"),
        ("category: 专业科目,", "", "versions.0", "最低要求"),
        ("to: 2023-12-31", "to: 2022-12-31", "versions.0", "2022-12-31"),
    ],
)
def test_a_version_that_contradicts_itself_is_refused(folder: Path, old: str, new: str, key: str, told: str) -> None:
    line = problem(folder, edited(old, new))
    assert line.startswith(f"：{key}：")
    assert told in line


@pytest.mark.parametrize(
    "where",
    [
        "",
        "where: {}, ",
        "where: {organiser: [镇级]}, ",
        "where: {category: []}, ",
        "where: {category: [专业科目, 公需科目]}, ",
    ],
)
def test_a_cap_must_be_written_for_exactly_one_category(folder: Path, where: str) -> None:
    line = problem(folder, edited("where: {category: [专业科目], organiser: [镇级]}, ", where))
    assert line.startswith("：versions.0.count.0：")
    assert "只写一个科目类别" in line


@pytest.mark.parametrize("amount", ["4.5", "12.0", "1e2", "'4.555'", "-5", "'-5'", "true", "'九十'", "[12]", "''"])
@pytest.mark.parametrize(
    ("old", "key"), [("at_most: 12", "versions.0.count.0.at_most"), ("at_least: 90", "versions.0.require.0.at_least")]
)
def test_hours_are_never_floats_or_anything_but_hours(folder: Path, old: str, key: str, amount: str) -> None:
    line = problem(folder, edited(old, f"{old.split(':')[0]}: {amount}"))
    assert line.startswith(f"：{key}：")
    assert "学时" in line


@pytest.mark.parametrize("share", ["0.1", "10%", "'0.1'", "1/0", "10", "a/b", "1/2/3", "'1.5/10'", "/", "null"])
@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("at_least: 10/100", "versions.0.ratio.0.at_least"),
        ("at_least: 50/100", "versions.0.coverage.0.at_least"),
        ("at_least: 40/100", "versions.0.share.0.at_least"),
    ],
)
def test_a_share_is_a_fraction(folder: Path, old: str, key: str, share: str) -> None:
    line = problem(folder, edited(old, f"at_least: {share}"))
    assert line.startswith(f"：{key}：")
    assert "分数" in line


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("status: [已审核]", "status: [审核通过]", "versions.0.admit.0.status.0"),
        ("status: [已审核]", "status: []", "versions.0.admit.0.status"),
        ("category: [专业科目]", "category: [专业]", "versions.0.count.0.where.category.0"),
        ("organiser: [镇级]", "organiser: [街道]", "versions.0.count.0.where.organiser.0"),
        ("category: 专业科目", "category: 专业", "versions.0.require.1.category"),
        ("years: 1", "years: 0", "versions.0.cycle.years"),
        ("first: 2023", "first: 某年", "versions.0.cycle.first"),
        ("from: 2023-01-01", "from: 今年", "versions.0.from"),
        ("per: [school]", "per: [class]", "versions.0.ratio.0.per.0"),
        ("top: training_spend", "top: spend", "versions.0.ratio.0.top"),
        ("count: persons", "count: heads", "versions.0.coverage.0.count"),
        ("part: 实践性课程", "part: 实践", "versions.0.share.0.part"),
        ("of: 全部课程", "of: 课程", "versions.0.share.0.of"),
        ("event: [未参训, 被劝退]", "event: [迟到]", "versions.0.debar.0.event.0"),
        ("event: [未参训, 被劝退]", "event: []", "versions.0.debar.0.event"),
        ("years: 3", "years: 0", "versions.0.debar.0.years"),
        ("from: 省级集中培训", "from: 培训", "versions.0.debar.0.from"),
        ("value: 400", "value: 0", "versions.0.stated.0.value"),
        ("value: 400", "value: 4.5", "versions.0.stated.0.value"),
        ("unit: 元", "unit: 块", "versions.0.stated.0.unit"),
        ("bound: exactly", "bound: about", "versions.0.stated.0.bound"),
        ("beside: 集中培训", "beside: ''", "versions.0.stated.0.beside"),
        ("beside: 申报书", "beside: ''", "versions.0.deadline.0.beside"),
        ("by: 2023-11-20", "by: 某日", "versions.0.deadline.0.by"),
        ("who: [市级, 县级]", "who: [教师]", "versions.0.deadline.0.who.0"),
        ("who: [市级, 县级]", "who: []", "versions.0.deadline.0.who"),
    ],
)
def test_a_word_outside_the_vocabulary_is_refused(folder: Path, old: str, new: str, key: str) -> None:
    assert problem(folder, edited(old, new)).startswith(f"：{key}：")


@pytest.mark.parametrize("start", ["2023-12-31", "2023-06-01", "2023-01-01", "2022-05-01"])
def test_overlapping_versions_are_refused(folder: Path, start: str) -> None:
    """The second version is open-ended."""
    line = problem(folder, RULES + SECOND.format(start=start))
    assert max(start, "2023-01-01") in line
    assert "两个版本" in line


def test_a_version_may_hold_for_a_single_day(folder: Path) -> None:
    [version] = read(folder, without("deadline").replace("to: 2023-12-31", "to: 2023-01-01")).versions
    assert str(version.to) == "2023-01-01"
    assert version.from_ == version.to


def test_versions_that_touch_are_no_overlap_in_whatever_order(folder: Path) -> None:
    second = SECOND.format(start="2024-01-01")
    swapped = "versions:\n" + second + RULES.removeprefix("versions:\n")
    for rules in (RULES + second, swapped):
        assert len(read(folder, rules).versions) == 2


@pytest.mark.parametrize("rules", ["", "versions: []\n", "versions:\n", "[]\n", "规则\n"])
def test_a_file_without_versions_is_refused(folder: Path, rules: str) -> None:
    assert problem(folder, rules).startswith(("：versions：", "：整个文件："))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("count:\n", "count\n"),
        ("{id: C2, clause: 一}", "{id: C2, clause: 一"),
        ("  to: 2023-12-31", "\tto: 2023-12-31"),
        ("  to: 2023-12-31", "  to: !!python/object:os.system 2023"),
        ("  to: 2023-12-31", "  ? [to]\n  : 2023-12-31"),
    ],
)
def test_broken_yaml_names_the_line(folder: Path, old: str, new: str) -> None:
    line = problem(folder, edited(old, new))
    assert "YAML" in line
    assert "第" in line
    assert "行" in line


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("years: 1", "years: 0", "years: 0"),
        ("id: C2, clause: 一", "id: C2, claus: 一", "id: C2, claus: 一"),
        ("id: R1, at_least: 90", "id: R1", "id: R1"),
        ("organiser: [镇级]", "organiser: [街道]", "organiser: [街道]"),
    ],
)
def test_a_slip_is_told_with_its_line(folder: Path, old: str, new: str, found: str) -> None:
    rules = edited(old, new)
    with pytest.raises(InputError) as caught:
        read(folder, rules)
    at = next(number for number, line in enumerate(rules.splitlines(), 1) if found in line)
    assert all(line.startswith(f"{folder / 'rules.yaml'} 第 {at} 行：versions.0.") for line in caught.value.problems)


def test_the_line_told_is_the_file_s(folder: Path) -> None:
    assert "第 3 行" in problem(folder, edited("  to: 2023-12-31", "\tto: 2023-12-31"))


def test_a_day_that_no_calendar_has_is_refused_like_any_other_slip(folder: Path) -> None:
    problem(folder, edited("to: 2023-12-31", "to: 2023-02-30"))


def test_rules_in_another_encoding_are_refused(folder: Path) -> None:
    (folder / "rules.yaml").write_text(RULES, encoding="gb18030")
    with pytest.raises(InputError) as caught:
        read_entry(folder)
    [line] = caught.value.problems
    assert str(folder / "rules.yaml") in line
    assert "UTF-8" in line


def test_every_slip_of_a_file_is_told_at_once(folder: Path) -> None:
    rules = edited("at_most: 12", "at_most: 4.5").replace("id: R1, at_least: 90", "id: R1")
    with pytest.raises(InputError) as caught:
        read(folder, rules)
    assert [line.split("：")[1] for line in caught.value.problems] == [
        "versions.0.count.0.at_most",
        "versions.0.require.0.at_least",
    ]
