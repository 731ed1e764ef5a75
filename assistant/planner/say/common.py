"""Words and tables that answers of every kind are made of."""

from collections.abc import Iterable, Sequence

from assistant import hours
from assistant.answer import Calculation, Outcome, Table
from assistant.draft import Draft
from assistant.results import Hours, said_period
from assistant.rules.calculate import REJECTED, Record

MOST_ROWS = 500

# What administrators ask most.
OF_A_UNIT = [
    "本单位还有哪些老师没达标？",
    "本单位的达标率是多少？",
    "本单位的培训经费比例达标吗？",
    "镇级培训最多能计多少学时？",
]
COLUMNS = ["记录编号", "项目名称", "科目类别", "组织单位", "学时", "完成日期", "审核状态"]
WHY = {
    "cap": "超过登记上限",
    "pending": "待审核",
    "rejected": "已驳回",
    "outside_period": "不在核算期间内",
    "unclassified": "没有规则可归",
    "duplicate": "重复申报",
}


def usual() -> list[str]:
    """Questions that are asked most."""
    return ["我今年还差多少学时？", "我有哪些待审核的记录？", "镇级培训最多能计多少学时？", "列出我今年的记录"]


def calculated(result: Hours) -> Calculation:
    """The calculation, where there is one."""
    assert result.calculation is not None  # noqa: S101  the caller looked
    return result.calculation


def period(made: Calculation) -> str:
    """The period reckoned."""
    return said_period(made.from_, made.to)


def place_name(place: str) -> str:
    """A path as a place is said."""
    return place.replace("/", "")


def mark(token: str | None) -> str:
    """A citation, where there is one."""
    return f"[^{token}]" if token else ""


def total_mark(made: Calculation) -> str:
    """The clause of the total: that of the step that states it."""
    totals = [step.citation for step in made.steps if step.text.startswith("合计") and step.citation]
    return mark(totals[0] if totals else None)


def notes(result: Hours) -> str:
    """What a careful reader would ask about the period."""
    return "".join(f"说明：{say}{mark(token)}。" for say, token in result.notes)


def from_record(data: str) -> str:
    """Words out of a record, which must not read as a citation."""
    return data.replace("[", "［").replace("]", "］")


def titles(records: Iterable[Record]) -> str:
    """The titles of a few records."""
    names = [f"“{from_record(record.title)}”" for record in records]
    return "、".join(names[:5]) + ("等" if len(names) > 5 else "")


def record_row(record: Record) -> list[str]:
    """A record in COLUMNS."""
    return [
        record.record_id,
        record.title,
        record.category,
        record.organiser or "",
        hours.show(record.hours),
        record.completed_on.isoformat(),
        f"{record.status}：{record.reason}" if record.reason and record.status == REJECTED else record.status,
    ]


def why_row(record: Record, why: str) -> list[str]:
    """A record with why it doesn't count in the last column."""
    return [*record_row(record)[:-1], f"{why}：{record.reason}" if record.reason and why == WHY["rejected"] else why]


def records_table(caption: str, records: Sequence[Record]) -> Table:
    """Records, cut where there are very many."""
    rows = [record_row(record) for record in records[:MOST_ROWS]]
    return Table(caption=caption, columns=COLUMNS, rows=rows, total_rows=len(records))


def next_questions(result: Hours) -> list[str]:
    """What may be asked next."""
    made = calculated(result)
    offers = ["为什么有的学时没有计入？"] if any(item.why != "outside_period" for item in made.not_counted) else []
    offers += [
        f"如果我再修{line.shortfall}学时{line.category}呢？" for line in made.categories if line.shortfall != "0"
    ][:1]
    return to_oneself(result.own, [*offers, "列出我今年的记录"])


def to_oneself(own: bool, suggestions: list[str]) -> list[str]:
    """Questions about oneself are offered to oneself only."""
    return suggestions if own else []


def foreign() -> Draft:
    """What isn't ours to answer."""
    text = "我只回答教师继续教育的学时、学时记录和有关政策，这个问题不在范围内。"
    return Draft(text, Outcome.OUT_OF_SCOPE, suggestions=usual())


def by_status(records: Sequence[Record], when: str = "") -> Table:
    """How many records and hours there are of each status."""
    groups = {status: [one for one in records if one.status == status] for status in ("已审核", "待审核", "已驳回")}
    rows = [[status, str(len(some)), hours_of(some)] for status, some in groups.items() if some]
    return Table(
        caption=f"{when}记录按审核状态", columns=["审核状态", "记录数", "学时"], rows=rows, total_rows=len(rows)
    )


def hours_of(records: Iterable[Record]) -> str:
    """The hours of some records together."""
    return hours.show(sum(record.hours for record in records))
