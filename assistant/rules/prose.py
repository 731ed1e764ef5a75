"""Rules as Chinese sentences, for an administrator to read and approve: what is written here is what is computed."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from assistant.hours import show
from assistant.rules.schema import (
    Admit,
    Count,
    CourseShare,
    Coverage,
    Cycle,
    Dated,
    Deadline,
    Debar,
    Line,
    Open,
    Ratio,
    Require,
    Stated,
    Version,
)

_PER = {"school": "学校", "town": "镇街", "county": "县区", "city": "市"}
_AMOUNTS = {
    "training_spend": "教师培训经费",
    "training_appropriation": "继续教育经费",
    "public_funds": "年度公用经费预算",
    "payroll": "教师工资总额",
}
_BOUND = {"at_least": "不少于", "at_most": "不超过", "exactly": "为"}


class Sentence(NamedTuple):
    """What a line means; `rule` and `clause` say where it stands. `rule` is empty for what isn't a rule."""

    rule: str
    text: str
    clause: str


def describe(version: Dated) -> Iterator[Sentence]:
    """The version, sentence by sentence."""
    for line in version.lines():
        clause = f"{line.policy} {line.clause}" if line.policy else line.clause
        yield Sentence(line.id, _say(line), clause)
        if isinstance(version, Version) and line is version.count[-1]:
            yield Sentence("", "每条记录归入以上第一条符合的；一条也不符合的不计入，会逐条指出。", "")
    if isinstance(version, Version) and version.total is None:
        implied = show(sum(line.at_least for line in version.minima.values()))
        yield Sentence("", f"没有另写合计，合计即各科目类别之和：不少于{implied}学时。", "")
    for item in version.untranslated:
        yield Sentence("", f"没有写成规则：{item.text}（{item.why}）。", item.clause)


def _say(line: Line) -> str:
    match line:
        case Cycle(years=1):
            return "每个自然年核算一次。"
        case Cycle():
            setting = "（起算年份政策没有写明，是本系统的设置）" if line.first_is_setting else ""
            return f"每{line.years}年为一个周期，从{line.first}年起算{setting}。"
        case Admit():
            return f"只有审核状态为{_quoted(line.status)}的记录才计入。"
        case Count():
            cap = "全部计入" if line.at_most is None else f"一个核算期内最多计入{show(line.at_most)}学时，超出的不计"
            return f"{line.where.source}的学时：{cap}。"
        case Require():
            return f"{line.category or '各科目类别合计'}不少于{show(line.at_least)}学时。"
        case Ratio():
            top, bottom = _AMOUNTS[line.top], _AMOUNTS[line.bottom]
            return f"{line.name}：各{_levels(line.per)}的{top}不低于{bottom}的{_share(line.at_least)}。"
        case Coverage():
            counted = f"{line.organiser}培训的{'人次' if line.count == 'person_times' else '人数'}"
            return f"{line.name}：各{_levels(line.per)}参加{counted}不低于教师数的{_share(line.at_least)}。"
        case CourseShare():
            return f"{line.name}：{line.part}不低于{line.of}的{_share(line.at_least)}（只说明，不核算）。"
        case Debar():
            return (
                f"{line.name}：有{_quoted(line.event)}情形的，{line.years}年内不得参加{line.from_}（只说明，不核算）。"
            )
        case Stated():
            return (
                f"{line.name}：{_BOUND[line.bound]}{line.value}{line.unit}（{'、'.join(line.who)}；只说明，不核算）。"
            )
        case Deadline():
            return f"{line.name}：最迟{line.by.year}年{line.by.month}月{line.by.day}日（{'、'.join(line.who)}）。"
        case Open():
            return f"留给{line.by}确定：{line.text}。"
        case _:
            raise TypeError(type(line).__name__)


def _levels(per: Sequence[str]) -> str:
    return "、".join(_PER[level] for level in per)


def _quoted(words: Sequence[str]) -> str:
    return "、".join(f"“{word}”" for word in words)


def _share(share: Fraction) -> str:
    percent = share * 100
    exact = Decimal(percent.numerator) / percent.denominator
    return f"{exact.normalize():f}%" if Fraction(exact) == percent else f"{share.numerator}/{share.denominator}"
