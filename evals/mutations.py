"""`python -m evals.mutations`: good answers altered in one place, and how many of them the guard refuses.

The good answers are those that the planner gives to the sample's accounts; none of them may be refused. Each is altered
in every way of `WAYS`, at `--each` places chosen by a fixed seed. Nearly every alteration says something else than the
answer did (now and then it is as true), so each that is let through is shown. Prints the share refused by kind.
"""

import argparse
import csv
import logging
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import evals.sample
from assistant.bootstrap import Installation
from assistant.draft import Draft, drafted
from assistant.guard import Evidence, Rejected
from assistant.planner.planner import Planner
from assistant.results import Result, Run, Sources
from assistant.settings import Settings
from assistant.store.database import Connection
from assistant.tools import Tools
from evals.run import sample_installation

_SEED = 20231115
_OF_TEACHERS = (
    "我今年还差多少学时？",
    "专业科目还差几学时？",
    "公需科目和个人选修科目够了吗",
    "2022年我还差多少学时",
    "为什么有的学时没有计入？",
    "我有哪些待审核的记录？",
    "列出我今年的记录",
    "如果我再修4学时专业科目和8学时校本呢？",
    "如果我再修6学时镇级专业课，还差多少",
    "我怎么补最省？",
    "镇级培训最多能计多少学时？",
    "培训费用谁出？",
    "每年要完成多少学时？",
    "教师培训经费占公用经费的比例",
)
_OF_UNITS = (
    "本单位还有多少老师没达标",
    "本单位的达标率是多少",
    "哪些老师还差学时",
    "公需科目未达标的老师有哪些",
    "各校达标率排名",
    "培训经费比例达标吗",
    "镇级培训覆盖率是多少",
    "哪些老师没有任何记录",
)
_OF_ONE = (
    "{one}今年还差多少学时",
    "列出{one}的记录",
    "为什么{one}的学时没有计入",
    "如果{one}再修4学时市级专业课，还差多少",
    "{one}和{other}还差多少学时",
)
_MARK = re.compile(r"\[\^([^\]]*)\]")
_QUOTED = re.compile("“[^”]*”")
_NUMERALS = "二三四五六七八九十"
_UNITS = {
    "学时": ("天", "人", "元", "小时", "次", "门"),
    "人": ("学时", "天", "所"),
    "天": ("周", "学时"),
    "条": ("人", "学时"),
    "元": ("学时", "万元"),
    "%": ("学时", ""),
}
_CATEGORIES = ("公需科目", "专业科目", "个人选修科目")
# What is said of somebody's state, and its contrary.
_CONTRARY = (
    ("已达到要求", "还没有达到要求"),
    ("就达到要求了", "仍未达到要求"),
    ("即可达到要求", "仍未达到要求"),
    ("已达到（", "未达到（"),
    ("未达到要求", "已达到要求"),
    ("，达到要求", "，未达到要求"),
    ("都已计入", "都没有计入"),
    ("没有查到", "查到了"),
    (r"还差(?= ?\d)", "已计入"),
    (r"已计入(?= ?\d)", "还差"),
    ("没有计入", "已经计入"),
    ("已达标", "未达标"),
    ("未达标", "已达标"),
    ("(?<!还在)待审核", "已审核"),
    ("已驳回", "待审核"),
    ("要求不少于", "最多"),
)
_SHORT = re.compile(r"还差 [\d.]+(?: 学时)?")


class Good(NamedTuple):
    """A good answer, and all that it was made of."""

    account: str
    question: str
    draft: Draft
    results: Sequence[Result]
    sources: Sources

    def refused(self, connection: Connection, text: str) -> bool:
        """Whether the guard refuses the answer with another text."""
        try:
            Evidence(connection, self.question, self.results, self.sources, self.draft.tables).check(text)
        except Rejected:
            return True
        return False


def good_answers(installation: Installation) -> Iterator[Good]:
    """What the planner answers to every teacher and administrator of the sample."""
    planner = Planner(Tools(installation.database, installation.index))
    for account, question in _asked():
        run = Run(installation.assistant.account(account), installation.settings.clock())
        yield Good(account, question, *drafted(planner, question, run), run.sources)


def _asked() -> Iterator[tuple[str, str]]:
    teachers = _rows("teachers")
    for row in _rows("accounts"):
        if row["role"] == "teacher":
            yield from ((row["account"], question) for question in _OF_TEACHERS)
            continue
        yield from ((row["account"], question) for question in _OF_UNITS)
        own = [one for one in teachers if one["unit"].startswith(row["unit"])]
        for one, other in zip(own[:6:2], own[1:6:2], strict=False):
            for question in _OF_ONE:
                yield row["account"], question.format(one=one["name"], other=other["teacher_id"])


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(evals.sample.__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Ways of altering a text: each gives all texts that differ from it in one place.

Way = Callable[[Good], Iterator[str]]


def _at(text: str, start: int, end: int, said: str) -> str:
    return f"{text[:start]}{said}{text[end:]}"


def _unmarked(text: str) -> str:
    """The text with its citations blanked, every character in its place."""
    return _MARK.sub(lambda match: " " * len(match.group()), text)


def _digits(good: Good, dated: bool) -> Iterator[str]:
    text = good.draft.text
    bare = _unmarked(text)
    for match in re.finditer(r"\d", bare):
        place = match.start()
        in_a_date = re.search(r"\d{4}-\d\d-\d\d|\d+年|\d+月\d+日|[\d.]+%", _around(bare, place)) is not None
        if in_a_date is dated:
            yield from (_at(text, place, place + 1, digit) for digit in "0123456789" if digit != match.group())


def _around(text: str, place: int) -> str:
    """The number or date that a digit belongs to, with the sign behind it."""
    before = re.search(r"[\d.\-年月]*$", text[:place])
    after = re.match(r"[\d.\-年月日%]*", text[place:])
    return f"{before.group() if before else ''}{after.group() if after else ''}"


def _numerals(good: Good) -> Iterator[str]:
    text = good.draft.text
    for match in re.finditer(f"[{_NUMERALS}]", text):
        yield from (_at(text, *match.span(), other) for other in _NUMERALS if other != match.group())


def _units(good: Good) -> Iterator[str]:
    text = good.draft.text
    for match in re.finditer(rf"(?<=\d)(?P<gap> ?)(?P<unit>{'|'.join(_UNITS)})", _unmarked(text)):
        yield from (_at(text, *match.span(), match["gap"] + other) for other in _UNITS[match["unit"]])


def _names(good: Good) -> Iterator[str]:
    text, people = good.draft.text, {row["name"]: row["teacher_id"] for row in _rows("teachers")}
    for word, others in ((name, people) for name in people if name in text):
        yield from (text.replace(word, other, 1) for other in others if other != word and other not in text)
    for match in re.finditer(r"T\d{4}", text):
        yield from (_at(text, *match.span(), other) for other in people.values() if other not in text)


def _people_exchanged(good: Good) -> Iterator[str]:
    """Two of those that the answer names, each in the other's place."""
    text = good.draft.text
    named = [name for row in _rows("teachers") if (name := row["name"]) in text]
    for one, other in pairwise(named):
        if one != other:
            yield text.replace(one, "\0").replace(other, one).replace("\0", other)


def _quotes(good: Good) -> Iterator[str]:
    text = good.draft.text
    for quoted in _QUOTED.finditer(text):
        for match in re.finditer("[\u4e00-\u9fff]", quoted.group()):
            place = quoted.start() + match.start()
            yield _at(text, place, place + 1, "不" if match.group() != "不" else "必")


def _citations(good: Good) -> Iterator[str]:
    text = good.draft.text
    tokens = [f"s{number}" for number in range(1, 30) if good.sources.passage(f"s{number}")]
    for match in _MARK.finditer(text):
        for token in tokens:
            if _clause(good, match[1]) not in ("", _clause(good, token)):
                yield _at(text, *match.span(1), token)


def _clause(good: Good, token: str) -> str:
    passage = good.sources.passage(token)
    return f"{passage.policy.id}#{passage.clause.locator}" if passage else ""


def _verdicts(good: Good) -> Iterator[str]:
    text = good.draft.text
    outside = _QUOTED.sub(lambda match: "”" * len(match.group()), text)
    for said, contrary in _CONTRARY:
        yield from (_at(text, *match.span(), contrary) for match in re.finditer(said, outside))
    yield from (_at(text, *match.span(), "已达到要求") for match in _SHORT.finditer(outside))


def _categories(good: Good) -> Iterator[str]:
    text = good.draft.text
    outside = _QUOTED.sub(lambda match: "”" * len(match.group()), text)
    for match in re.finditer(r"(?:公需|专业|个人选修)科目(?=已达到|还差|（计入)", outside):
        yield from (_at(text, *match.span(), other) for other in _CATEGORIES if other != match.group())


WAYS: Mapping[str, Way] = {
    "一个数字": lambda good: _digits(good, dated=False),
    "日期、年份、百分比的一个数字": lambda good: _digits(good, dated=True),
    "一个中文数字": _numerals,
    "单位": _units,
    "换成别人的姓名或编号": _names,
    "两人互换": _people_exchanged,
    "引文的一个字": _quotes,
    "引用换成别的条款": _citations,
    "结论说反": _verdicts,
    "科目类别": _categories,
}


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m evals.mutations", description="改动好的回答，看核验拦下多少。")
    parser.add_argument("--each", type=int, default=2, help="每个回答、每种改法改几处")
    parser.add_argument("--every", type=int, default=1, help="每几个回答取一个")
    parser.add_argument("--show", type=int, default=3, help="每种最多列出几个没有拦下的")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    random.seed(_SEED)
    refused, made, missed, alarms = Counter[str](), Counter[str](), defaultdict[str, list[str]](list), list[str]()
    with sample_installation(Settings()) as installation, installation.database.read() as connection:
        answers = list(good_answers(installation))[:: chosen.every]
        for good in answers:
            if good.refused(connection, good.draft.text):
                alarms.append(f"{good.account} {good.question}\n    {good.draft.text}")
                continue
            for kind, way in WAYS.items():
                texts = sorted(set(way(good)) - {good.draft.text})
                for text in random.sample(texts, min(chosen.each, len(texts))):
                    made[kind] += 1
                    if good.refused(connection, text):
                        refused[kind] += 1
                    else:
                        missed[kind].append(f"{good.account} {good.question}\n    {text}")
    print(f"好的回答 {len(answers)} 个，误拦 {len(alarms)} 个（{len(alarms) / len(answers):.2%}）")
    for kind, number in made.items():
        print(f"{kind}：{number} 处，拦下 {refused[kind]} 处（{refused[kind] / number:.2%}）")
    print(f"合计：{made.total()} 处，拦下 {refused.total()} 处（{refused.total() / made.total():.2%}）")
    for title, texts in {"误拦": alarms, **missed}.items():
        for text in texts[: chosen.show]:
            print(f"[{title}] {text}")
    sys.exit(bool(alarms))


if __name__ == "__main__":
    main()
