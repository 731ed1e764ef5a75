"""How a unit stands, for the tools: the compliance report cut to what was asked for, with the clauses behind it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, get_args

from assistant.cited import cite
from assistant.compliance import Report, Row, TeacherRow, compliance
from assistant.identity import Level
from assistant.results import Compliance, Denied, Result, Run, Units
from assistant.rules.find import find
from assistant.rules.schema import Category
from assistant.store import policies, rollup, units
from assistant.store.database import Connection, Database
from assistant.tabled import tables

Only = Literal["short", "met", "no_records"]
Order = Literal["lowest_rate", "highest_rate", "most_short", "most_remaining", "least_remaining", "most_counted"]
MOST_ROWS = 200


def survey(
    database: Database,
    run: Run,
    unit: str | None = None,
    year: int | None = None,
    level: Level | None = None,
    only: Only | None = None,
    category: Category | None = None,
    order: Order | None = None,
    top: int | None = None,
) -> Result:
    """The standing of a unit within the asker's, by default their own as a whole; Denied: it isn't, or there is none.

    Of `level` teacher, `only` those meant; `category`: the gap is that category's. `top`: the first so many alone.
    """
    own = run.account.scope.unit
    if own is None:
        return Denied()
    with database.read() as connection:
        paths = units.called(connection, own, unit) if unit else [own]
        if len(paths) != 1:
            return Units(unit or own, paths) if paths else Denied()
        level = level or _level(connection, paths[0])
    report = compliance(database, paths[0], year or run.today.year, level, run.today)
    listed: list[Any] = [*(report.teachers if report.level == "teacher" else report.rows)]
    if report.level == "teacher":
        listed = [one for one in listed if _meant(one, only, category)]
        order = order if order in ("least_remaining", "most_counted") else order and "most_remaining"
    elif order == "most_counted":
        order = "least_remaining"
    if order:
        listed.sort(key=_key(order, category))
    part = listed[: min(top or MOST_ROWS, MOST_ROWS)]
    cut = report.model_copy(update={"teachers" if report.level == "teacher" else "rows": part})
    with database.read() as connection:
        clauses, rule = _clauses(connection, run, cut), _rule(connection, run, cut)
    return Compliance(run.sources.rows(), cut, len(listed), tables(cut, len(listed)), clauses, rule)


def _level(connection: Connection, unit: str) -> Level:
    level = rollup.levels(connection, unit).get(unit)
    return next((one for one in get_args(Level) if one == level), "city")


def _meant(one: TeacherRow, only: Only | None, category: Category | None) -> bool:
    """Whether a teacher belongs to those asked for; with a category, by what that lacks."""
    if only == "no_records":
        return not one.records
    if only is None or one.met is None:
        return only is None
    met = one.shortfall.get(category) == "0" if category else one.met
    return met is (only == "met")


def _key(order: Order, category: Category | None) -> Callable[[Any], Decimal]:
    """What sorts rows of units or of teachers; what isn't known comes last."""

    def figure(said: str | int | None, sign: int) -> Decimal:
        return Decimal("Infinity") if said is None else sign * Decimal(said)

    def gap(one: Row | TeacherRow) -> str | None:
        return one.shortfall.get(category) if category else one.remaining

    match order:
        case "lowest_rate":
            return lambda one: figure(one.rate, 1)
        case "highest_rate":
            return lambda one: figure(one.rate, -1)
        case "most_short":
            return lambda one: figure(one.short, -1)
        case "most_remaining":
            return lambda one: figure(gap(one), -1)
        case "least_remaining":
            return lambda one: figure(gap(one), 1)
        case "most_counted":
            return lambda one: figure(one.counted, -1)


def _clauses(connection: Connection, run: Run, report: Report) -> dict[str, str]:
    """Of every check's rule the token of its clause, by policy and rule."""
    wanted = {(check.policy_id, check.rule) for row in (*report.rows, report.totals) for check in row.checks}
    tokens = dict[str, str]()
    for rule_set in policies.rule_sets(connection):
        for version in rule_set.rules.versions:
            for line in (*version.ratio, *version.coverage):
                policy = policies.policy(connection, rule_set.policy_id)
                if policy and (rule_set.policy_id, line.id) in wanted:
                    tokens[f"{rule_set.policy_id}#{line.id}"] = cite(run, policy, line)[0]
    return tokens


def _rule(connection: Connection, run: Run, report: Report) -> str | None:
    """The token of the clause that sets how many hours a year needs; None: no one rule holds for all."""
    applied = find(policies.rule_sets(connection), report.unit, report.year) if report.rule_set else None
    line = applied and applied.version.total
    policy = applied and line and policies.policy(connection, line.policy or applied.policy_id)
    return cite(run, policy, line)[0] if line and policy else None
