"""The check of rules against their clauses: what is shipped is proven, and every way to break it is found."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import yaml

from assistant.policy import Clause, Policy
from assistant.rules.check import Finding, check, notes
from assistant.rules.schema import Line, RuleFile
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import Entry, read_corpora

DONGGUAN, WEINAN = "dongguan-2023", "weinan-2019"
LINZI, HENAN, CHANGZHOU = "linzi-2022", "henan-2023", "changzhou-2024"
CHINESE = dict(enumerate("零一二三四五六七八九十"))


@cache
def shipped() -> Mapping[str, Entry]:
    return {entry.policy.meta.id: entry for entry in read_corpora([SHIPPED_CORPUS]) if entry.rules}


def rules(policy_id: str) -> RuleFile:
    found = shipped()[policy_id].rules
    assert found is not None
    return found


def written(policy_id: str) -> Any:
    """The rule file as plain data, to be edited: without the examples, which other figures would make fail."""
    data = yaml.safe_load((shipped()[policy_id].folder / "rules.yaml").read_text(encoding="utf-8"))
    for version in data["versions"]:
        version.pop("examples", None)
    return data


def all_lines() -> list[tuple[str, Line]]:
    return [(name, line) for name in shipped() for version in rules(name).versions for line in version.lines()]


def shipped_lines(with_figure: bool) -> list[Any]:
    return [
        pytest.param(name, line, id=f"{name}-{line.id}")
        for name, line in all_lines()
        if line.figures or not with_figure
    ]


def without(policy: Policy, locator: str) -> Policy:
    return Policy(meta=policy.meta, clauses=[clause for clause in policy.clauses if clause.locator != locator])


def reworded(policy: Policy, locator: str, text: str) -> Policy:
    clauses = [
        Clause(locator=clause.locator, heading=clause.heading, text=text) if clause.locator == locator else clause
        for clause in policy.clauses
    ]
    return Policy(meta=policy.meta, clauses=clauses)


def text_of(policy: Policy, locator: str) -> str:
    clause = policy.clause(locator)
    assert clause is not None
    return clause.text


def faults(findings: Sequence[Finding]) -> dict[str, str]:
    return {finding.rule: finding.fault for finding in findings if finding.fault}


def spelled(line: Line) -> re.Pattern[str]:
    """Every way the clause may write the figure of `line`: 12学时, 五年, 50%, 1万元, 11月20日."""
    [figure] = line.figures
    if isinstance(figure, tuple):
        year, month, day = figure
        return re.compile(rf"(?<!\d)(?:{year}年)?({month}月{day})日")
    number = figure * 100 if line.unit == "%" else figure
    forms = [f"{float(number):g}"]
    if number in CHINESE:
        forms.append(CHINESE[int(number)])
    if number % 10000 == 0:
        forms.append(f"{int(number) // 10000}万")
    return re.compile(rf"(?<![\d.])({'|'.join(map(re.escape, forms))}){line.unit}")


def test_the_shipped_corpus_is_proven() -> None:
    for name, entry in shipped().items():
        findings = check(entry.policy, rules(name))
        assert faults(findings) == {}
        assert {finding.policy_id for finding in findings} == {name}


@pytest.mark.parametrize("name", [DONGGUAN, WEINAN, LINZI, HENAN, CHANGZHOU])
def test_every_line_has_its_finding_in_the_order_of_the_file(name: str) -> None:
    [version] = rules(name).versions
    expected = [(line.id, line.clause) for line in version.lines()]
    expected += [("untranslated", item.clause) for item in version.untranslated]
    examples = getattr(version, "examples", [])
    expected += [(f"examples.{number}", "") for number in range(1, len(examples) + 1)]
    findings = check(shipped()[name].policy, rules(name))
    assert [(finding.rule, finding.clause) for finding in findings] == expected
    assert {finding.version for finding in findings} == {str(version.from_)}


def test_findings_show_the_figures_as_the_clause_writes_them() -> None:
    shown = {finding.rule: finding.figure for finding in check(shipped()[DONGGUAN].policy, rules(DONGGUAN))}
    expected = {
        "C2": "12学时",
        "R1": "90学时",
        "F1": "10%",
        "F2": "2%",
        "V1": "50%",
        "A1": "",
        "C4": "",
        "V2": "",
        "P1": "",
    }
    assert {rule: shown[rule] for rule in expected} == expected
    assert {item.rule: item.figure for item in check(shipped()[WEINAN].policy, rules(WEINAN))}["P1"] == "5年"
    shown = {finding.rule: finding.figure for finding in check(shipped()[HENAN].policy, rules(HENAN))}
    expected = {"S1": "50%", "D1": "3年", "T1": "60学时", "T5": "5%", "T8": "10000元", "L3": "2023年11月20日"}
    assert {rule: shown[rule] for rule in expected} == expected


@pytest.mark.parametrize(("name", "line"), shipped_lines(with_figure=False))
def test_a_clause_that_is_gone_is_found(name: str, line: Line) -> None:
    found = faults(check(without(shipped()[name].policy, line.clause), rules(name)))
    assert line.clause in found[line.id]
    assert set(found) == cited_by(name, line.clause)


def cited_by(name: str, locator: str) -> set[str]:
    versions = rules(name).versions
    ids = {line.id for version in versions for line in version.lines() if line.clause == locator}
    gaps = {"untranslated" for version in versions for item in version.untranslated if item.clause == locator}
    return ids | gaps


def test_a_clause_that_only_an_untranslated_duty_cites_is_found_too() -> None:
    assert set(faults(check(without(shipped()[DONGGUAN].policy, "三/(三)"), rules(DONGGUAN)))) == {"untranslated"}


@pytest.mark.parametrize(("name", "line"), shipped_lines(with_figure=True))
def test_a_figure_that_is_gone_from_the_clause_is_found(name: str, line: Line) -> None:
    policy = shipped()[name].policy
    text, removed = spelled(line).subn("若干", text_of(policy, line.clause))
    assert removed
    found = faults(check(reworded(policy, line.clause, text), rules(name)))
    assert spelled(line).search(found[line.id])


@pytest.mark.parametrize(("name", "line"), shipped_lines(with_figure=True))
def test_a_figure_changed_in_the_clause_is_found(name: str, line: Line) -> None:
    """Another figure, and the same figure of another thing."""
    policy = shipped()[name].policy
    text = text_of(policy, line.clause)
    for other in ("9月9日" if line.unit == "date" else f"9{line.unit}", r"\g<1>人"):
        changed = reworded(policy, line.clause, spelled(line).sub(other, text))
        assert line.id in faults(check(changed, rules(name)))


@pytest.mark.parametrize(("name", "line"), shipped_lines(with_figure=True))
def test_a_figure_longer_by_a_digit_does_not_hold_the_figure(name: str, line: Line) -> None:
    policy = shipped()[name].policy
    text = spelled(line).sub(
        lambda match: match[0].replace(match[1], ("1" if match[1][0].isdigit() else "十") + match[1]),
        text_of(policy, line.clause),
    )
    assert line.id in faults(check(reworded(policy, line.clause, text), rules(name)))


@pytest.mark.parametrize(
    ("name", "table", "place", "key", "value", "rule"),
    [
        (DONGGUAN, "count", 1, "at_most", 13, "C2"),
        (DONGGUAN, "count", 2, "at_most", "6.5", "C3"),
        (DONGGUAN, "require", 0, "at_least", 91, "R1"),
        (DONGGUAN, "require", 1, "at_least", 3, "R2"),
        (DONGGUAN, "require", 2, "at_least", "41.99", "R3"),
        (DONGGUAN, "require", 3, "at_least", 0, "R4"),
        (DONGGUAN, "ratio", 0, "at_least", "1/100", "F1"),
        (DONGGUAN, "ratio", 1, "at_least", "20/100", "F2"),
        (DONGGUAN, "coverage", 0, "at_least", "51/100", "V1"),
        (DONGGUAN, "coverage", 1, "at_least", "99/100", "V2"),
        (DONGGUAN, "cycle", None, "years", 2, "P1"),
        (WEINAN, "cycle", None, "years", 4, "P1"),
        (WEINAN, "require", 0, "at_least", 72, "R1"),
        (WEINAN, "ratio", 0, "at_least", "1/5", "F1"),
        (LINZI, "ratio", 0, "at_least", "10/100", "F1"),
        (HENAN, "share", 0, "at_least", "5/100", "S1"),
        (HENAN, "debar", 0, "years", 2, "D1"),
        (HENAN, "debar", 0, "years", 2023, "D1"),
        (HENAN, "stated", 0, "value", 50, "T1"),
        (HENAN, "stated", 0, "unit", "元", "T1"),
        (HENAN, "stated", 1, "value", 30, "T2"),
        (HENAN, "stated", 4, "value", 50, "T5"),
        (HENAN, "stated", 7, "value", 1, "T8"),
        (HENAN, "deadline", 0, "by", date(2023, 11, 21), "L1"),
        (HENAN, "deadline", 2, "by", date(2024, 4, 30), "L3"),
        (HENAN, "deadline", 3, "by", date(2023, 11, 20), "L4"),
    ],
)
def test_a_figure_changed_in_the_rule_is_found(
    name: str, table: str, place: int | None, key: str, value: object, rule: str
) -> None:
    data = written(name)
    lines = data["versions"][0][table]
    (lines if place is None else lines[place])[key] = value
    found = faults(check(shipped()[name].policy, RuleFile.model_validate(data)))
    assert rule in found


def test_a_rule_that_cites_a_clause_without_its_figure_is_found() -> None:
    data = written(DONGGUAN)
    data["versions"][0]["require"][0]["clause"] = "附件1/四/(一)"
    found = faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data)))
    assert set(found) == {"R1"}
    assert "附件1/四/(一)" in found["R1"]


def test_a_first_year_that_the_clause_does_not_name_must_be_called_a_setting() -> None:
    """Every figure has its clause; the one that has none says so."""
    data = written(WEINAN)
    del data["versions"][0]["cycle"]["first_is_setting"]
    assert "P1" in faults(check(shipped()[WEINAN].policy, RuleFile.model_validate(data)))


def counted(*wheres: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The faults of lines of `count` that take these, in this order: C1, C2 and so on."""
    data = written(DONGGUAN)
    data["versions"][0]["count"] = [
        {"id": f"C{number}", "where": where, "clause": "附件1/四/(三)"} for number, where in enumerate(wheres, 1)
    ]
    data["versions"][0]["require"] = data["versions"][0]["require"][:1]  # of no category, which perhaps none takes
    return faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data)))


PUBLIC, SUBJECT, ELECTIVE = "公需科目", "专业科目", "个人选修科目"


@pytest.mark.parametrize(
    "wheres",
    [
        [{}, {"category": [PUBLIC]}],
        [{}, {}],
        [{"category": [PUBLIC]}, {"category": [PUBLIC]}],
        [{"category": [SUBJECT]}, {"category": [SUBJECT], "organiser": ["镇级"]}],
        [{"organiser": ["镇级"]}, {"category": [SUBJECT], "organiser": ["镇级"]}],
        [{"category": [PUBLIC, SUBJECT]}, {"category": [SUBJECT]}],
        [{"category": [SUBJECT], "organiser": ["镇级", "校级"]}, {"category": [SUBJECT], "organiser": ["校级"]}],
    ],
)
def test_a_line_that_an_earlier_one_always_wins_against_is_found(wheres: list[dict[str, list[str]]]) -> None:
    found = counted(*wheres)
    assert set(found) == {"C2"}
    assert "C1" in found["C2"]


@pytest.mark.parametrize(
    "wheres",
    [
        [{"category": [PUBLIC]}, {"category": [SUBJECT]}, {"category": [ELECTIVE]}, {}],
        [{"category": [PUBLIC]}, {"category": [SUBJECT]}, {"category": [PUBLIC, SUBJECT]}],
        [{"organiser": ["镇级"]}, {"organiser": ["校级"]}, {"organiser": ["镇级", "校级"]}],
    ],
)
def test_a_line_that_earlier_ones_win_against_together_is_found(wheres: list[dict[str, list[str]]]) -> None:
    found = counted(*wheres)
    assert set(found) == {f"C{len(wheres)}"}
    assert "、".join(f"C{number}" for number in range(1, len(wheres))) in found[f"C{len(wheres)}"]


@pytest.mark.parametrize(
    "wheres",
    [
        [{"category": [PUBLIC]}, {}],
        [{"category": [SUBJECT], "organiser": ["镇级"]}, {"category": [SUBJECT]}],
        [{"category": [SUBJECT]}, {"organiser": ["镇级"]}],
        [{"category": [SUBJECT]}, {"category": [PUBLIC, SUBJECT]}],
        [{"organiser": ["国家级", "省级", "市级", "市教研室", "镇级", "校级"]}, {}],
    ],
)
def test_a_line_that_still_takes_something_is_no_fault(wheres: list[dict[str, list[str]]]) -> None:
    """Of the last pair, records whose organiser is unknown."""
    assert counted(*wheres) == {}


def test_a_total_below_the_minima_together_is_found() -> None:
    policy = shipped()[DONGGUAN].policy
    data = written(DONGGUAN)
    data["versions"][0]["require"][0]["at_least"] = 89
    lower = reworded(policy, "附件1/四/(三)", text_of(policy, "附件1/四/(三)").replace("90学时", "89学时"))
    assert set(faults(check(lower, RuleFile.model_validate(data)))) == {"R1"}


def test_a_total_above_the_minima_together_is_no_fault() -> None:
    data = written(DONGGUAN)
    del data["versions"][0]["require"][1]
    assert faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data))) == {}


def test_minima_without_a_total_are_no_fault() -> None:
    data = written(DONGGUAN)
    del data["versions"][0]["require"][0]
    assert faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data))) == {}


def test_a_share_of_one_needs_no_figure() -> None:
    policy = shipped()[DONGGUAN].policy
    [line] = [line for name, line in all_lines() if (name, line.id) == (DONGGUAN, "V2")]
    assert line.figures == ()
    assert Fraction(1) == rules(DONGGUAN).versions[0].coverage[1].at_least
    assert "V2" not in faults(check(reworded(policy, line.clause, "学校的校本培训做到全覆盖。"), rules(DONGGUAN)))


def test_every_version_is_checked() -> None:
    data = written(DONGGUAN)
    later = written(DONGGUAN)["versions"][0]
    later.update({"from": later["to"].replace(year=2024, month=1, day=1), "to": None})
    later["require"][0]["at_least"] = 100
    data["versions"].append(later)
    findings = check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data))
    assert [(finding.version, finding.rule) for finding in findings if finding.fault] == [
        ("2024-01-01", "from–to"),  # the policy itself ends with 2023
        ("2024-01-01", "R1"),
    ]


@pytest.mark.parametrize("name", [DONGGUAN, LINZI, HENAN, CHANGZHOU])
@pytest.mark.parametrize(("key", "day"), [("from", date(2021, 1, 1)), ("to", date(2025, 12, 31)), ("to", None)])
def test_rules_do_not_outlast_their_policy(name: str, key: str, day: date | None) -> None:
    """Whether they have hour rules, others, or only what can't be a rule."""
    data = written(name)
    data["versions"][0][key] = day
    assert "from–to" in faults(check(shipped()[name].policy, RuleFile.model_validate(data)))


def test_figures_that_change_places_are_found() -> None:
    """12 and 6, 30 and 42: each stands in the clause, but not beside what it limits."""
    data = written(DONGGUAN)
    counts, minima = data["versions"][0]["count"], data["versions"][0]["require"]
    counts[1]["at_most"], counts[2]["at_most"] = counts[2]["at_most"], counts[1]["at_most"]
    minima[1]["at_least"], minima[2]["at_least"] = minima[2]["at_least"], minima[1]["at_least"]
    found = faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data)))
    assert set(found) == {"C2", "C3", "R2", "R3"}


def test_hours_that_nobody_approved_are_not_admitted() -> None:
    data = written(DONGGUAN)
    data["versions"][0]["admit"][0]["status"] = ["已审核", "待审核"]
    assert "A1" in faults(check(shipped()[DONGGUAN].policy, RuleFile.model_validate(data)))


# Rules that are stated, not computed.


def henan(table: str, place: int, **changes: object) -> dict[str, str]:
    """The faults of Henan's rules with one line changed."""
    data = written(HENAN)
    data["versions"][0][table][place].update(changes)
    return faults(check(shipped()[HENAN].policy, RuleFile.model_validate(data)))


def henan_reworded(locator: str, old: str, new: str) -> dict[str, str]:
    policy = shipped()[HENAN].policy
    text = text_of(policy, locator)
    assert old in text
    return faults(check(reworded(policy, locator, text.replace(old, new)), rules(HENAN)))


def test_fees_that_change_places_are_found() -> None:
    """400 and 3 stand in one sentence, between different commas."""
    data = written(HENAN)
    stated = {line["id"]: line for line in data["versions"][0]["stated"]}
    stated["T6"]["value"], stated["T7"]["value"] = stated["T7"]["value"], stated["T6"]["value"]
    assert set(faults(check(shipped()[HENAN].policy, RuleFile.model_validate(data)))) == {"T6", "T7"}


@pytest.mark.parametrize(
    ("table", "place", "word", "rule"),
    [("stated", 5, "网络研修", "T6"), ("stated", 0, "实践性课程", "T1"), ("deadline", 2, "绿色通道", "L3")],
)
def test_a_figure_beside_another_word_is_found(table: str, place: int, word: str, rule: str) -> None:
    """Each of the words stands in the clause."""
    [line] = [line for name, line in all_lines() if (name, line.id) == (HENAN, rule)]
    assert word in text_of(shipped()[HENAN].policy, line.clause)
    assert set(henan(table, place, beside=word)) == {rule}


@pytest.mark.parametrize("event", ["未参训", "被劝退", "未结业"])
def test_a_bar_for_an_event_that_the_sentence_lacks_is_found(event: str) -> None:
    assert set(henan_reworded("三/(二)", event, "迟到")) == {"D1"}


def test_a_share_of_another_kind_of_course_is_found() -> None:
    assert set(henan_reworded("二/(一)", "实践性课程", "理论课程")) == {"S1"}


@pytest.mark.parametrize(
    ("start", "proven"),
    [(date(2022, 11, 20), False), (date(2022, 11, 21), True), (date(2023, 11, 20), True)],
)
def test_a_day_without_its_year_is_the_first_such_day_of_the_version(start: date, proven: bool) -> None:
    """L3's clause says 11月20日; L1's, the year too."""
    data = written(HENAN)
    data["versions"][0]["from"] = start
    found = faults(check(shipped()[HENAN].policy, RuleFile.model_validate(data)))
    assert ("L3" not in found) is proven
    assert "L1" not in found


def test_a_day_with_another_year_is_found() -> None:
    assert "L4" in henan_reworded("三/(四)", "2024年4月30日", "2025年4月30日")


# Examples, notes, and what lies between versions and policies.


def edited(policy_id: str, **changes: Any) -> RuleFile:
    """The shipped rules with keys of their only version changed."""
    data = written(policy_id)
    data["versions"][0].update(changes)
    return RuleFile.model_validate(data)


def wrong_in(policy_id: str, file: RuleFile, others: Any = None) -> dict[str, str]:
    return {one.rule: one.fault for one in check(shipped()[policy_id].policy, file, others) if one.fault}


EXAMPLE = {
    "say": "镇级20学时只计12。",
    "given": [{"category": "专业科目", "organiser": "镇级", "hours": 20}],
    "expect": {"counted": 12, "remaining": 78, "shortfall": {"专业科目": 30}},
}


def test_an_example_that_comes_out_is_no_fault() -> None:
    assert wrong_in(DONGGUAN, edited(DONGGUAN, examples=[EXAMPLE])) == {}


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ({"counted": 20}, "counted 算得 12，应为 20"),
        ({"remaining": 0}, "remaining 算得 78，应为 0"),
        ({"pending": 1}, "pending 算得 0，应为 1"),
        ({"beyond_caps": "7.5"}, "beyond_caps 算得 8，应为 7.5"),
        ({"shortfall": {"公需科目": 29}}, "公需科目 算得 30，应为 29"),
    ],
)
def test_an_example_that_comes_out_otherwise_is_told(expect: dict[str, Any], told: str) -> None:
    assert wrong_in(DONGGUAN, edited(DONGGUAN, examples=[EXAMPLE, {**EXAMPLE, "expect": expect}])) == {
        "examples.2": f"“镇级20学时只计12。”：{told}"
    }


def test_days_without_a_version_between_two_are_a_fault() -> None:
    data = written(DONGGUAN)
    first = {**data["versions"][0], "to": date(2023, 3, 31)}
    second = {**data["versions"][0], "from": date(2023, 5, 1)}
    file = RuleFile.model_validate({"versions": [second, first]})
    assert wrong_in(DONGGUAN, file) == {"versions": "2023-04-01 至 2023-04-30 没有有效的版本"}


def test_notes_tell_what_is_implied_what_lacks_examples_and_what_is_left_open() -> None:
    policy = shipped()[DONGGUAN].policy
    left = [{"id": "O1", "clause": "附件1/四/(二)", "text": "镇级培训的内容由镇街确定", "by": "镇级"}]
    said = notes(policy, edited(DONGGUAN, open=left))
    assert any("30 + 42 + 18 = 90" in note for note in said)
    assert any("没有 examples" in note for note in said)
    assert any("O1" in note and "镇级培训的内容由镇街确定" in note for note in said)
    assert notes(policy, rules(DONGGUAN)) == [note for note in said if "30 + 42" in note]


def of_the_province(**changes: Any) -> Policy:
    """Weinan's policy as if it were one of the province that Dongguan lies in."""
    policy = shipped()[WEINAN].policy
    return policy.model_copy(update={"meta": policy.meta.model_copy(update={"unit": "广东省", **changes})})


@pytest.mark.parametrize("changes", [{"unit": "陕西省/渭南市"}, {"effective_to": date(2022, 12, 31)}])
def test_a_policy_elsewhere_or_no_longer_in_force_proves_nothing(changes: dict[str, Any]) -> None:
    line = {"id": "R1", "at_least": 360, "policy": WEINAN, "clause": "五/(一)"}
    others = {WEINAN: (of_the_province(**changes), rules(WEINAN))}
    assert "不是本地区或上级的" in wrong_in(DONGGUAN, edited(DONGGUAN, require=[line]), others)["R1"]


def test_a_minimum_that_nothing_counts_for_is_a_fault() -> None:
    data = written(DONGGUAN)["versions"][0]
    count = [line for line in data["count"] if line["id"] != "C5"]
    assert wrong_in(DONGGUAN, edited(DONGGUAN, count=count)) == {"R4": "没有一行 count 计入个人选修科目，谁也达不到"}


def test_an_example_that_says_nothing_or_is_of_another_time_is_refused() -> None:
    with pytest.raises(ValueError, match="至少写一个"):
        edited(DONGGUAN, examples=[{**EXAMPLE, "expect": {}}])
    told = wrong_in(DONGGUAN, edited(DONGGUAN, examples=[{**EXAMPLE, "year": 1990}]))
    assert "1990年不在这个版本的有效期内" in told["examples.1"]


def test_a_line_may_cite_a_policy_above_whose_clause_proves_it() -> None:
    """A county's rules whose cycle and minimum are the city's words."""
    above = of_the_province()
    line = {"id": "R1", "at_least": 360, "policy": WEINAN, "clause": "五/(一)"}
    file = edited(DONGGUAN, require=[line])
    others = {WEINAN: (above, rules(WEINAN))}
    assert wrong_in(DONGGUAN, file, others) == {}
    assert wrong_in(DONGGUAN, file) == {"R1": f"政策 {WEINAN} 不在政策库中"}
    wrong = edited(DONGGUAN, require=[{**line, "at_least": 361}])
    assert wrong_in(DONGGUAN, wrong, others) == {"R1": "条款 五/(一) 中没有写明它的“361学时”"}


def test_an_open_term_is_filled_by_lines_below_or_told_unfilled() -> None:
    data = written(WEINAN)
    data["versions"][0]["open"] = [{"id": "O1", "clause": "五/(一)", "text": "各县可另定类别", "by": "县级"}]
    others = {WEINAN: (of_the_province(), RuleFile.model_validate(data))}
    fills = {"policy": WEINAN, "open": "O1", "lines": ["R2", "R3"]}
    assert wrong_in(DONGGUAN, edited(DONGGUAN, fills=[fills]), others) == {}
    other = edited(DONGGUAN, fills=[{**fills, "open": "O2"}])
    assert wrong_in(DONGGUAN, other, others) == {"R2、R3": f"政策 {WEINAN} 没有留给下级的 O2"}
    with pytest.raises(ValueError, match="R9"):
        edited(DONGGUAN, fills=[{**fills, "lines": ["R9"]}])
