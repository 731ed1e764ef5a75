"""`xueshi rules`: proving rules against clauses, reading them as sentences, and who a changed rule would touch."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from api.show import terminal
from assistant import hours, settings
from assistant.errors import InputError, NotFound
from assistant.identity import holds

if TYPE_CHECKING:
    from ingest.corpus import Entry

app = typer.Typer(help="规则与条款的核对、说明和比较。", no_args_is_help=True)


@app.command("check")
def check_command() -> None:
    """逐条核对规则与它引用的条款，并重算每个算例；有不符的，退出码为 1。"""
    from assistant.rules.check import check, notes
    from ingest.policies import around, faults

    entries = _as_known(_entries())
    table = Table("政策", "版本", "规则", "数字", "条款", "结果")
    for entry in entries:
        for found in check(entry.policy, entry.rules, around(entries)) if entry.rules else []:
            result = Text(found.fault, style="red") if found.fault else Text("相符")
            cells = found.policy_id, found.version, found.rule, found.figure or "—", found.clause
            table.add_row(*map(Text, cells), result)
    out = terminal()
    out.print(table)
    for entry in entries:
        for note in notes(entry.policy, entry.rules) if entry.rules else []:
            out.print(Text(f"提示：{note}"))
    if problems := [problem for entry in entries for problem in faults(entry, entries)]:
        raise InputError(problems)


@app.command("show")
def show_command(
    policy: Annotated[str | None, typer.Argument(metavar="[POLICY]", help="政策编号或目录；不填为全部")] = None,
) -> None:
    """用中文逐句说明规则，供管理员审定。"""
    from assistant.rules.prose import describe

    out = terminal()
    for entry in [_entry(policy)] if policy else _entries():
        for version in entry.rules.versions if entry.rules else []:
            until = f"至 {version.to}" if version.to else "起"
            out.print(
                Text(f"{entry.policy.meta.title}（{entry.policy.meta.id}）：{version.from_} {until}", style="bold")
            )
            for rule, text, clause in describe(version):
                out.print(Text(f"  {rule or '·'}　{text}" + (f"［{clause}］" if clause else "")))


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="现行规则：政策编号或目录")],
    new: Annotated[
        str | None, typer.Argument(metavar="[NEW]", help="改后的规则：政策编号或目录；只改几个数字时不填，用 --set")
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ID=数字", help="改一条规则的学时数，如 R1=72；可多次"),
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="按哪一年核算；不填为今年", min=1970, max=9000)] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="PATH", help="哪个单位；不填为现行规则的地区")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="只在标准输出上给出 JSON")] = False,
) -> None:
    """规则改了以后，谁会从达标变为未达标，谁会从未达标变为达标。"""
    from assistant.compliance import changes
    from assistant.rules.find import Applicable, RuleSet, find
    from assistant.rules.make_up import with_figures
    from assistant.store import audit
    from assistant.store.audit import Act
    from assistant.store.database import Database

    given = settings.load()
    if new is None and not figures:
        raise InputError("请写出改后的规则（政策编号或目录），或用 --set 写明改哪些数字，如 --set R1=72。")
    before, after = _entry(old), _entry(new or old)
    own, when = before.policy.meta.unit, year or given.clock().year
    place = unit.strip("/") if unit else own
    if not holds(own, place):
        raise InputError(f"--unit {unit}：不在现行规则的地区（{own}）之内。")

    def applied(entry: "Entry") -> Applicable:
        meta = entry.policy.meta
        # Held against the same people, whatever place the changed copy says it is of.
        found = find([RuleSet(meta.id, place, entry.rules)], place, when) if entry.rules else None
        if found is None:
            raise InputError(f"{entry.folder}：{when}年没有可以核算的学时规则。")
        return found

    changed = applied(after)
    if figures:
        changed = replace(changed, version=with_figures(changed.version, _figures(figures)))
    database = Database(given.database)
    try:
        found = changes(database, applied(before), changed, place, when, given.clock())
    except NotFound as error:
        raise InputError(f"--unit {place}：{error}") from None
    if found.flips:  # teachers, by name
        with database.write() as connection:
            audit.note(connection, Act.ROSTER, None, unit=place)
    if as_json:
        rows = [
            {**one._asdict(), "before": hours.show(one.before), "after": hours.show(one.after)} for one in found.flips
        ]
        told = {"unit": place, "year": when, "teachers": found.teachers, "flips": rows}
        print(json.dumps(told, ensure_ascii=False, indent=2))  # noqa: T201
        return
    out = terminal()
    table = Table("单位", "教师编号", "姓名", "原来还差", "改后还差", "变化")
    for one in found.flips:
        change = "达标 → 未达标" if one.before == 0 else "未达标 → 达标"
        table.add_row(
            *map(Text, (one.unit, one.teacher_id, one.name, hours.show(one.before), hours.show(one.after), change))
        )
    if found.flips:
        out.print(table)
    lost = sum(one.before == 0 for one in found.flips)
    out.print(
        f"{place} {when}年，教师 {found.teachers} 人：{lost} 人由达标变为未达标，"
        f"{len(found.flips) - lost} 人由未达标变为达标。"
    )


def _figures(said: list[str]) -> dict[str, int]:
    """Hours, in hundredths, by the rule's number. Ratios decide about no teacher, so they aren't compared."""
    found: dict[str, int] = {}
    for one in said:
        name, _, number = one.partition("=")
        try:
            figure = hours.parse(number)
        except ValueError:
            raise InputError(f"--set {one}：应写成 编号=学时数，如 R1=72、C2=4.5。") from None
        if name.strip() in found:
            raise InputError(f"--set {one}：{name.strip()} 写了不止一次。")
        found[name.strip()] = figure
    return found


def _as_known(entries: "list[Entry]") -> "list[Entry]":
    """The policies with the clauses of originals that were read, where this installation has any."""
    from assistant.store import policies
    from assistant.store.database import Database
    from ingest.originals import compose

    given = settings.load()
    if not given.database_url and not (given.home / "xueshi.db").exists():
        return entries
    with Database(given.database).read() as connection:
        read = {one.policy.meta.id: policies.original(connection, one.policy.meta.id) for one in entries}
    return [
        replace(one, policy=compose(one.policy, original)) if (original := read[one.policy.meta.id]) else one
        for one in entries
    ]


def _entries() -> "list[Entry]":
    from ingest.corpus import read_corpora

    return read_corpora(settings.load().corpora)


def _entry(name: str) -> "Entry":
    """A policy's folder, by its path or its id."""
    from ingest.corpus import POLICY, read_entry

    if (Path(name) / POLICY).is_file():
        return read_entry(Path(name))
    entries = {one.policy.meta.id: one for one in _entries()}
    if name not in entries:
        raise InputError(f"{name}：既不是政策目录，也不是政策编号；已有的是 {'、'.join(sorted(entries))}。")
    return entries[name]
