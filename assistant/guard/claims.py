"""Claims without a figure (已达标, 全部计入, 没有待审核的记录): each is compared with what the tools returned.

A closed table of wordings. A claim about somebody whose result isn't there is as wrong as a false one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from assistant.compliance import TeacherRow
from assistant.guard.facts import Fact, Source
from assistant.guard.reading import Place, meant, places
from assistant.guard.rejected import Rejected
from assistant.guard.words import Words
from assistant.results import Clauses, Compliance, Hours, Records, Result, Rows
from assistant.rules.calculate import Record

_NO = r"(?:没有|没|未|尚未|还未|并未|不)(?:全部|都|能|能够|完全)?"
_MET = r"达到(?:了)?(?:学时)?(?:要求|标准)|达标|合格|修满|修够|补足|完成(?:了)?(?:全部)?(?:要求|任务)"
_END = r"(?=[(、。;了!:\[]|$)"
_CLAIM = re.compile(
    rf"""
      (?P<absent> (?:没有|无|没|未)(?:查到|找到|发现|任何|有)?[^、。;:!?\n]{{0,16}}?记录 )
    | (?P<present> (?:查到了?|有\s*\d+\s*[条个项])[^、。;:!?\n]{{0,16}}?记录 )
    | (?P<never> (?:待审核|驳回|超[过出](?:登记)?上限)[^;。]{{0,10}}、(?:已经?|都|也)被?计入
                  | (?<!没有)(?<!未)查到了?后续规定 )
    | (?P<no_rule> 没有(?:查到|找到)?(?:任何)?适用 )
    | (?P<no_minimum> 没有为?[^、。;]{{0,10}}?单列最低 )
    | (?P<nobody> 没有(?:任何)?[^、。;]{{0,8}}?(?P<which>{_NO}(?:达标|达到要求)|达标|没有学时记录)的(?:教师|老师) )
    | (?P<listed> (?:公需科目|专业科目|个人选修科目)?(?:未达标|已达标|没有学时记录)的教师共(?=\s*[1-9]) )
    | (?P<short> (?:{_NO})(?:{_MET}|达到{_END})|不够|没够|学时不足|仍有缺口|有差距|[还都]差{_END} )
    | (?P<met> {_MET}|达到{_END}|够了|(?:不需要|不用|不必|无需|无须|不需)再?(?:补|修) )
    | (?P<none_counted> (?:全部|都|均|全)(?:还|被)?(?:没有|没|未|不)(?:能|被)?(?:计入|认定) )
    | (?P<counted> (?:全部|都|均|全)(?:已经?|被|能)*(?:计入|认定) )
    | (?P<within> (?:没有|未|没|并未)(?:超过|超出)(?:登记)?上限 )
    | (?P<over> (?:超过|超出)(?:了)?(?:登记)?上限 )
    """,
    re.VERBOSE,
)
# Not claims: asked, wished for, demanded; counts, which are figures; headings.
_NO_CLAIM_BEFORE = re.compile(
    r"(?:是否|能否|有没有|判断|为了?|想要?|要|如何|怎样|怎么|才能?|才算|方可|应当?|必须|须|需要?|争取|尽快|力争|确保|谁"
    r"|\d\s*(?:人|名|位)?(?:教师|老师)?(?:都|均|已|已经)?)$"
)
_NO_CLAIM_AFTER = re.compile(r"率|情况|人数|的|\s*\d|者|与否|吗|[^。]{0,6}[??]")
_STATUSES = {"已审核": "已审核", "待审核": "待审核", "审核中": "待审核", "驳回": "已驳回"}

_KINDS = re.compile("公需|专业|选修|国家级|省级|市级|教研室|镇级|校级|" + "|".join(_STATUSES))


class Claim(NamedTuple):
    """What is claimed, in which words, and of what."""

    kind: str
    said: str
    place: Place
    which: str = ""


class Known(NamedTuple):
    """What claims are held against. `asked`: the question, and what the tables shown are called."""

    facts: Sequence[Fact]
    results: Sequence[Result]
    asked: str


def check_claims(text: str, words: Words, own: str, known: Known) -> None:
    """Rejected: a claim of a folded text isn't so."""
    for claim in _claims(text, words, own):
        if not _HOLDS[claim.kind](claim, known):
            raise Rejected("not so", claim.said)


def _claims(text: str, words: Words, own: str) -> Iterator[Claim]:
    found = list(_CLAIM.finditer(text))
    spots = [(match.end(), match.end()) for match in found]
    for match, place in zip(found, places(text, words, own, spots), strict=True):
        kind = next(name for name in _HOLDS if match[name])
        inside = kind in ("met", "short")
        if inside and (_NO_CLAIM_BEFORE.search(text[: match.start()]) or _NO_CLAIM_AFTER.match(text, match.end())):
            continue
        if kind == "absent" and re.search(r"\d\s*[人名位个]$", text[: match.start()]):
            continue
        yield Claim(kind, match.group(), place, match["which"] or "")


def _states(claim: Claim, facts: Iterable[Fact]) -> list[Fact]:
    """What remains to be done by those, of that and at the time that a claim speaks of."""
    place = claim.place._replace(role="remaining")
    told = [fact for fact in facts if fact.source in (Source.MADE, Source.TABLE) and fact.speaks_of(place)]
    # What a whole unit lacks says nothing of one of its teachers.
    if "person" not in place.labels:
        return told
    of_people = [fact for fact in told if fact.labels.get("person")]
    return of_people or [fact for fact in told if not fact.labels.get("place")]


def _met(claim: Claim, known: Known) -> bool:
    if "item" in claim.place.labels:
        return _reaches(claim, known.facts) is True
    states = [fact.value == 0 for fact in _states(claim, known.facts)]
    # Of several assumptions (these hours, those still to be approved) the text may mean any.
    return (any if claim.place.later == "if" else all)(states) if states else False


def _short(claim: Claim, known: Known) -> bool:
    if "item" in claim.place.labels:
        return _reaches(claim, known.facts) is False
    states = [fact.value != 0 for fact in _states(claim, known.facts)]
    return (any if claim.place.later == "if" else all)(states) if states else False


def _reaches(claim: Claim, facts: Iterable[Fact]) -> bool | None:
    """Whether a share reaches its minimum; None: that isn't known."""
    named = {kind: claim.place.labels.get(kind) for kind in ("item", "place")}
    of_it = [fact for fact in facts if all(fact.labels.get(kind) == value for kind, value in named.items() if value)]
    shares = [fact.value for fact in of_it if fact.role == "rate" and not isinstance(fact.value, tuple)]
    least = [fact.value for fact in of_it if fact.role == "required" and not isinstance(fact.value, tuple)]
    verdicts = {share >= minimum for share, minimum in zip(shares, least, strict=False)}
    return verdicts.pop() if len(verdicts) == 1 else None


def _all_counted(claim: Claim, known: Known) -> bool:
    lost = [fact for role in ("cut", "pending", "rejected") for fact in _lost(claim, known.facts, role)]
    return any(isinstance(result, Hours) for result in known.results) and all(fact.value == 0 for fact in lost)


def _none_counted(claim: Claim, known: Known) -> bool:
    counted = [
        fact
        for fact in known.facts
        if fact.source is Source.MADE and fact.speaks_of(claim.place._replace(role="counted"))
    ]
    there = any(isinstance(result, Hours) and result.records for result in known.results)
    return there and bool(counted) and all(fact.value == 0 for fact in counted)


def _lost(claim: Claim, facts: Iterable[Fact], role: str) -> Iterator[Fact]:
    """Hours that don't count, of what a claim speaks of; in all, where it speaks of nothing in particular."""
    for fact in facts:
        if fact.source is Source.MADE and fact.role == role:
            shared = [kind for kind, value in fact.labels.items() if value and kind in claim.place.labels]
            if all(fact.labels[kind] in claim.place.labels[kind].split("|") for kind in shared):
                yield fact


def _over(claim: Claim, known: Known) -> bool:
    return any(fact.value != 0 for fact in _lost(claim, known.facts, "cut"))


def _within(claim: Claim, known: Known) -> bool:
    lost = list(_lost(claim, known.facts, "cut"))
    return bool(lost) and all(fact.value == 0 for fact in lost)


def _absent(claim: Claim, known: Known) -> bool:
    """Whether no record of the kind is there. The records asked about (所问的) are those that were looked for."""
    if "所问" in claim.said:
        return bool(known.results)
    statuses = {status for word, status in _STATUSES.items() if word in claim.said}
    labels = {meant(word) for word in _KINDS.findall(claim.said) if word not in _STATUSES}
    listed = [result for result in known.results if isinstance(result, Records | Hours)]
    # An empty list tells nothing of a kind that wasn't looked for.
    looked = all(isinstance(one, Hours) or one.records for one in listed)
    if not looked and not all(word in known.asked for word in _KINDS.findall(claim.said)):
        return False
    if not listed:
        return any(isinstance(result, Rows) and not result.rows for result in known.results) or any(
            isinstance(result, Compliance) for result in known.results
        )

    def is_meant(record: Record) -> bool:
        return (
            (not statuses or record.status in statuses)
            and labels <= {record.category, record.organiser}
            and claim.place.year in (0, record.completed_on.year)
        )

    people = {one for one in claim.place.labels.get("person", "").split("|") if one}
    return not any(is_meant(record) for result in listed if _is_of(result, people) for record in result.records)


def _present(claim: Claim, known: Known) -> bool:
    if "所问" in claim.said:
        return any(isinstance(result, Records | Hours) and result.records for result in known.results)
    return not _absent(claim, known)


def _is_of(result: Records | Hours, people: set[str]) -> bool:
    known = isinstance(result, Hours) and result.calculation is not None
    return not people or not known or result.calculation.teacher_id in people  # type: ignore[union-attr]


def _no_rule(claim: Claim, known: Known) -> bool:
    return any(
        (isinstance(result, Hours) and result.calculation is None)
        or (isinstance(result, Clauses) and not result.hour_rule)
        or (isinstance(result, Compliance) and (result.report.rule_set is None))
        or isinstance(result, Compliance)
        for result in known.results
    )


def _no_minimum(claim: Claim, known: Known) -> bool:
    category = claim.place.labels.get("category", "")
    named = re.search("公需|专业|选修", claim.said)
    category = meant(named.group()) if named else category
    required = [fact for fact in known.facts if fact.source is Source.MADE and fact.role == "required"]
    return bool(required and category) and all(fact.labels.get("category") != category for fact in required)


def _nobody(claim: Claim, known: Known) -> bool:
    """No teacher is short, has met, has nothing recorded: the list that was asked for is empty."""
    return any(isinstance(result, Compliance) and result.total == 0 for result in known.results)


def _listed(claim: Claim, known: Known) -> bool:
    """Whether everybody on a list is what it says: short, met, without records; of a category, where it names one."""
    category = next((name for name in ("公需科目", "专业科目", "个人选修科目") if name in claim.said), None)

    def is_so(one: TeacherRow) -> bool:
        if "记录" in claim.said:
            return not one.records
        met = one.shortfall.get(category) == "0" if category else one.met
        return met is ("已达标" in claim.said)

    rosters = [one.report.teachers for one in known.results if isinstance(one, Compliance)]
    return any(roster and all(map(is_so, roster)) for roster in rosters)


_HOLDS: dict[str, Callable[[Claim, Known], bool]] = {
    "absent": _absent,
    "present": _present,
    "never": lambda claim, known: False,
    "no_rule": _no_rule,
    "no_minimum": _no_minimum,
    "nobody": _nobody,
    "listed": _listed,
    "short": _short,
    "met": _met,
    "none_counted": _none_counted,
    "counted": _all_counted,
    "within": _within,
    "over": _over,
}
