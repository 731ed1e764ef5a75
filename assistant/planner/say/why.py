"""Why records don't count, in words."""

from collections.abc import Sequence

from assistant.answer import NotCounted, Outcome, Table
from assistant.draft import Draft
from assistant.planner.read import Reading
from assistant.planner.say.common import (
    COLUMNS,
    WHY,
    calculated,
    from_record,
    mark,
    next_questions,
    notes,
    period,
    titles,
    total_mark,
    why_row,
)
from assistant.planner.say.hours import brief, standing
from assistant.planner.words import plain
from assistant.results import Hours
from assistant.rules.calculate import Record

_TITLE = 3  # characters left over that must be some title, even one that no record has


def why(reading: Reading, result: Hours) -> Draft:
    """Why records don't count: those asked about, or all that don't."""
    made = calculated(result)
    records = {record.record_id: record for record in result.records}
    about = _about(reading, result.records)
    rows, said, seen = [], [], set[str]()
    for item in made.not_counted:
        ids = [name for name in item.record_ids if name in records and (about is None or name in about)]
        if ids and item.why != "outside_period":
            said.append(_reason(result, item, [records[name] for name in ids]))
            rows += [why_row(records[name], WHY[item.why]) for name in ids]
            seen.update(ids)
    if counted := [records[name] for name in records if name in (about or ()) and name not in seen]:
        said.append(f"已计入的有：{titles(counted)}。")
        rows += [why_row(record, "已计入") for record in counted]
    if sum(item.why == "cap" for item in made.not_counted) > 1 and about is None:
        said.append(f"超出登记上限的共 {made.beyond_caps} 学时。")
    who = "您" if result.own else result.name
    if not said:
        nothing = f"{who}已登记的学时都已计入" if result.records else f"没有查到{who}的学时记录"
        nothing = "没有查到所问的记录" if about is not None else nothing
        said.append(f"{period(made)}{nothing}。")
    if not made.met:
        said.append(f"{who}已计入 {made.counted} 学时，{standing(made)}{total_mark(made)}。")
        said += [f"{brief(line)}。" for line in made.categories if line.shortfall != "0"]
    caption = f"{who}{period(made)}{'所问的' if about is not None else '没有计入的'}记录"
    table = [Table(caption=caption, columns=[*COLUMNS[:-1], "原因"], rows=rows, total_rows=len(rows))] if rows else []
    outcome = Outcome.ANSWERED if result.records else Outcome.NO_RECORDS
    return Draft("".join(said) + notes(result), outcome, table, next_questions(result))


def _reason(result: Hours, item: NotCounted, records: Sequence[Record]) -> str:
    named, cited = titles(records), mark(item.citation)
    match item.why:
        case "cap":
            source = f"{records[0].organiser}的{records[0].category}"
            most = next((f"，{say}" for say, token in result.caps if token == item.citation), "")
            others = "等" if len(records) < len(item.record_ids) and not named.endswith("等") else ""
            return f"{source}有登记上限{most}{cited}，超出的 {item.hours} 学时不计入，涉及{named}{others}。"
        case "pending":
            return f"{named}共 {item.hours} 学时还在待审核，审核通过后才计入{cited}。"
        case "rejected":
            reasons = [from_record(one.reason or "没有写明原因") for one in records]
            each = "、".join(f"“{from_record(one.title)}”（{why}）" for one, why in zip(records, reasons, strict=True))
            return f"已被驳回：{each}，驳回的不计入{cited}。"
        case _:
            return f"{named}{WHY[item.why]}，没有计入{cited}。"


def _about(reading: Reading, records: Sequence[Record]) -> set[str] | None:
    """The records that a question names by number, a part of their title, or kind and status; None: it names none.

    What is left over of a question may be chatter: it names a title where it stands in one.
    """
    wanted = [record for record in records if _fits(reading, record)]
    numbered = {record.record_id for record in wanted if plain(record.record_id) in reading.rest}
    if named := numbered or _titled(reading.rest, wanted):
        return named
    if any(part.isascii() for part in reading.rest):
        return set()
    if reading.categories or reading.organisers or reading.statuses:
        return {record.record_id for record in wanted}
    return set() if max(map(len, reading.rest), default=0) >= _TITLE else None


def _titled(rest: Sequence[str], records: Sequence[Record]) -> set[str]:
    """The records whose titles hold pairs of characters left over; none of which another's title holds all and more."""
    pairs = {part[at : at + 2] for part in rest for at in range(len(part) - 1)}
    held = {record.record_id: {pair for pair in pairs if pair in plain(record.title)} for record in records}
    return {name for name, some in held.items() if some and not any(some < more for more in held.values())}


def _fits(reading: Reading, record: Record) -> bool:
    return (
        (not reading.categories or record.category in reading.categories)
        and (not reading.organisers or record.organiser in reading.organisers)
        and (not reading.statuses or record.status in reading.statuses)
    )
