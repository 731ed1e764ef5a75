"""The calculator: one teacher's records under one version of the rules, with every step and its clause.

Pure code, whole hundredths, no input but its arguments. `counted` of a category is the approved hours dated in the
period, each capped line cut to its cap first; `shortfall` is max(0, minimum - counted); `remaining` is
max(total minimum - sum of counted, sum of shortfalls, 0). Pending hours never count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, get_args

from assistant.answer import Why
from assistant.hours import show
from assistant.rules.find import Applicable
from assistant.rules.schema import Category, Count, Line, Require, Version

APPROVED, PENDING, REJECTED = "已审核", "待审核", "已驳回"


class Record(NamedTuple):
    """One row of `credits.csv`; `hours` in hundredths. A what-if's record may have no organiser."""

    record_id: str
    title: str
    category: str
    organiser: str | None
    hours: int
    completed_on: date
    status: str
    reason: str | None = None


class Step(NamedTuple):
    """What was done, the rule that says so, and the records it was done to."""

    text: str
    rule: Line | None
    record_ids: Sequence[str] = ()

    @property
    def clause(self) -> str | None:
        """The locator of the rule's clause."""
        return self.rule.clause if self.rule else None


class Excluded(NamedTuple):
    """Hours that don't count, why, and by which rule."""

    why: Why
    hours: int
    record_ids: Sequence[str]
    rule: Line | None

    @property
    def clause(self) -> str | None:
        """The locator of the rule's clause."""
        return self.rule.clause if self.rule else None


class CategoryResult(NamedTuple):
    """One category. `required` is None where the rules set no minimum for it."""

    category: str
    required: int | None
    recorded: int
    counted: int
    shortfall: int
    rule: Require | None

    @property
    def clause(self) -> str | None:
        """The locator of the minimum's clause."""
        return self.rule.clause if self.rule else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result, hours in hundredths. `notes`: those of the steps that tell how the rules came to be applied."""

    applied: Applicable
    required: int
    counted: int
    remaining: int
    pending: int
    remaining_if_approved: int
    beyond_caps: int
    categories: Sequence[CategoryResult]
    not_counted: Sequence[Excluded]
    steps: Sequence[Step]
    notes: Sequence[Step]

    @property
    def met(self) -> bool:
        """Whether nothing remains to be done."""
        return self.remaining == 0


# Sums of hours by the place of the line that takes them (past the last: none does) and their category.
_Sums = dict[tuple[int, str], int]


def calculate(
    applied: Applicable, records: Iterable[Record], joined: date | None = None, left: date | None = None
) -> Verdict:
    """The verdict on `records` of one teacher.

    `joined`, `left`: the first and last day of employment. Where they lie inside the period or beyond it, the full
    minimum is still reckoned, and a step says so.
    """
    version, start, end = applied.version, applied.start, applied.end
    places = version.places
    taken: dict[tuple[int, str], list[Record]] = {}
    out: dict[Why, list[Record]] = {}
    for record in records:
        if not start <= record.completed_on <= end:
            out.setdefault("outside_period", []).append(record)
        elif record.status in version.admitted:
            place = places[record.category, record.organiser]
            taken.setdefault((place, record.category), []).append(record)
        else:
            out.setdefault("pending" if record.status == PENDING else "rejected", []).append(record)

    sums = {key: sum(record.hours for record in group) for key, group in taken.items()}
    by_category, counted, remaining = _tally(version, sums)
    pending = out.get("pending", [])
    if_approved = dict(sums)
    for record in pending:
        key = places[record.category, record.organiser], record.category
        if_approved[key] = if_approved.get(key, 0) + record.hours

    notes = _notes(applied, joined, left)
    steps = [Step(f"核算期间：{start} 至 {end}", version.cycle), *notes]
    cuts = list[Excluded]()
    for place, category in sorted(taken):
        line = version.count[place] if place < len(version.count) else None
        step, cut = _count(line, category, taken[place, category], sums[place, category])
        steps.append(step)
        if cut:
            cuts.append(cut)
    not_counted = [cut for cut in cuts if cut.why == "cap"]
    not_counted += [_left_out(version, why, out[why]) for why in ("pending", "rejected") if why in out]
    not_counted += [cut for cut in cuts if cut.why != "cap"]
    if "outside_period" in out:
        not_counted.append(_left_out(version, "outside_period", out["outside_period"]))
    categories = _categories(version, sums, by_category)
    result = Verdict(
        applied=applied,
        required=_required(version),
        counted=counted,
        remaining=remaining,
        pending=sum(record.hours for record in pending),
        remaining_if_approved=_tally(version, if_approved)[2] if pending else remaining,
        beyond_caps=sum(cut.hours for cut in cuts if cut.why == "cap"),
        categories=categories,
        not_counted=not_counted,
        steps=steps,
        notes=notes,
    )
    steps += _closing(version, result, out)
    return result


def _required(version: Version) -> int:
    """The total minimum: written, or implied by the categories' minima."""
    return version.total.at_least if version.total else sum(line.at_least for line in version.minima.values())


def _tally(version: Version, sums: _Sums) -> tuple[dict[str, int], int, int]:
    """Counted hours by category, their sum, and what remains."""
    counted: dict[str, int] = {}
    for (place, category), hours in sums.items():
        if place < len(version.count):
            cap = version.count[place].at_most
            kept = hours if cap is None else min(hours, cap)
            counted[category] = counted.get(category, 0) + kept
    total = sum(counted.values())
    shortfalls = sum(max(0, line.at_least - counted.get(name, 0)) for name, line in version.minima.items())
    return counted, total, max(_required(version) - total, shortfalls, 0)


def _categories(version: Version, sums: _Sums, counted: dict[str, int]) -> list[CategoryResult]:
    """Those with a minimum in the file's order, then those with records."""
    recorded: dict[str, int] = {}
    for (_, category), hours in sums.items():
        recorded[category] = recorded.get(category, 0) + hours
    result = []
    others = [name for name in get_args(Category) if name in recorded and name not in version.minima]
    for name in (*version.minima, *others):
        minimum, have = version.minima.get(name), counted.get(name, 0)
        required = minimum.at_least if minimum else None
        shortfall = max(0, (required or 0) - have)
        result.append(CategoryResult(name, required, recorded.get(name, 0), have, shortfall, minimum))
    return result


def _count(line: Count | None, category: str, group: list[Record], total: int) -> tuple[Step, Excluded | None]:
    """What one line does to the records it takes."""
    ids = [record.record_id for record in group]
    if line is None:
        text = f"{category}：{show(total)} 学时没有规则可归，未计入，请向管理员核实"
        return Step(text, None, ids), Excluded("unclassified", total, ids, None)
    organisers: Sequence[str] = line.where.organiser or sorted(
        {record.organiser for record in group if record.organiser}
    )
    source = f"{category}（{'、'.join(organisers)}）" if organisers else category
    if line.at_most is None or total <= line.at_most:
        within = "" if line.at_most is None else f"未超过上限 {show(line.at_most)}，"
        return Step(f"{source}：已审核 {show(total)} 学时，{within}全部计入", line, ids), None
    cut = total - line.at_most
    text = (
        f"{source}：已审核 {show(total)} 学时，上限 {show(line.at_most)}，计入 {show(line.at_most)}，超出 {show(cut)}"
    )
    running, above = 0, []
    for record in sorted(group, key=lambda record: (record.completed_on, record.record_id)):
        running += record.hours
        if running > line.at_most:
            above.append(record.record_id)
    return Step(text, line, ids), Excluded("cap", cut, above, line)


def _left_out(version: Version, why: Why, group: list[Record]) -> Excluded:
    rule = version.cycle if why == "outside_period" else version.admit[0]
    return Excluded(why, sum(record.hours for record in group), [record.record_id for record in group], rule)


def _notes(applied: Applicable, joined: date | None, left: date | None) -> list[Step]:
    """Whatever about the period a careful reader would ask."""
    cycle, version = applied.version.cycle, applied.version
    steps = []
    if cycle.first_is_setting:
        text = f"{cycle.years} 年一个周期，从 {cycle.first} 年起算；起算年份政策没有写明，是本系统的设置"
        steps.append(Step(text, cycle))
    if applied.carried_forward:
        steps.append(Step(f"规则有效期到 {version.to} 为止，政策库中没有适用于所问期间的后续规定，沿用此规则", cycle))
    if joined and applied.start < joined <= applied.end:
        steps.append(Step(f"{joined} 入职，在核算期间内；政策没有规定折算，按全额要求计算", None))
    if joined and joined > applied.end:
        steps.append(Step(f"{joined} 才入职，晚于核算期间，是否须完成请向学校核实", None))
    if left and left < applied.end:
        steps.append(Step(f"{left} 已离职，政策没有规定折算，按全额要求计算，是否须完成请向学校核实", None))
    return steps


def _closing(version: Version, result: Verdict, left: dict[Why, list[Record]]) -> list[Step]:
    """What was left out, each minimum, and the total."""
    steps = []
    for why, say in (("pending", "待审核"), ("rejected", "已驳回")):
        if group := left.get(why):  # type: ignore[call-overload]
            ids = [record.record_id for record in group]
            text = f"{say} {show(sum(record.hours for record in group))} 学时，不计入"
            steps.append(Step(text, version.admit[0], ids))
    for line in result.categories:
        if line.required is not None:
            end = f"还差 {show(line.shortfall)}" if line.shortfall else "已达到"
            text = f"{line.category}：计入 {show(line.counted)}，要求不少于 {show(line.required)}，{end}"
            steps.append(Step(text, line.rule))
    gap = max(0, result.required - result.counted)
    text = f"合计：计入 {show(result.counted)}，要求不少于 {show(result.required)}，差 {show(gap)}"
    if version.minima:
        shortfalls = sum(line.shortfall for line in result.categories)
        text += f"；各科目类别差额之和 {show(shortfalls)}；取较大者，还差 {show(result.remaining)}"
    steps.append(Step(text, version.total))
    if result.pending:
        text = f"待审核的 {show(result.pending)} 学时若全部通过，还差 {show(result.remaining_if_approved)}"
        steps.append(Step(text, None, [record.record_id for record in left["pending"]]))
    return steps
