"""One SELECT of anybody's making over four views of what the asker may see, held there by the database itself.

The views are made anew for every query, with the asker's scope written into them, on a connection that is closed after
it; nothing of them is kept. On SQLite the file is opened for reading, and an authorizer lets a statement read nothing
but the views. On PostgreSQL the statement runs as a role that has no right on any table, inside a function that it
can't step out of; were the role ever given a table, row-level security would still hide the rows (migration 0004).

No statement is trusted: what `assistant.store.sql` finds out beforehand makes for kind errors, not for safety.
"""

import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Date, Integer, Select, cast, extract, false, or_, select, text
from sqlalchemy.exc import DBAPIError

from assistant.errors import InputError, Unavailable, trace
from assistant.identity import Scope
from assistant.store.database import Database
from assistant.store.population import within
from assistant.store.tables import Base, Budget, Credit, Teacher, Unit
from assistant.text import is_utf8

MOST_ROWS = 200
MOST_CHARACTERS = 50_000  # of all cells together
SECONDS = 5.0

REFUSED = (
    "数据库没有执行这一句：请检查写法（类型是否相符、GROUP BY 是否齐全），并且只用一句 SELECT 和列出的视图、列、函数。"
)
TOO_SLOW = "这一句查询太慢，已经停下：请加上筛选条件，或少连接几个视图。"
TOO_LONG = "这一句查询的结果太长：请少选几列，或先汇总。"

_LOG = logging.getLogger(__name__)


class Column(NamedTuple):
    """A column of a view: what it is made of, and what it means to whoever writes a query."""

    value: Any
    meaning: str

    @property
    def kind(self) -> str:
        """INT, DATE or TEXT."""
        return {Integer: "INT", Date: "DATE"}.get(self.value.type._type_affinity, "TEXT")


_HUNDREDTHS = "学时的一百倍（整数，450 即 4.5 学时）"
_YEAR = cast(extract("year", Credit.completed_on), Integer)

# Hours and amounts stay the whole numbers that they are stored as: SQLite knows no other sums that are exact.
VIEWS: Mapping[str, Mapping[str, Column]] = {
    "records": {
        "record_id": Column(Credit.record_id, "记录编号"),
        "teacher_id": Column(Credit.teacher_id, "教师编号"),
        "name": Column(Teacher.name, "教师姓名"),
        "unit": Column(Teacher.unit, "学校（自上而下的路径，以 / 分隔）"),
        "title": Column(Credit.title, "项目名称"),
        "category": Column(Credit.category, "科目类别：公需科目、专业科目、个人选修科目"),
        "organiser": Column(Credit.organiser, "组织单位：国家级、省级、市级、市教研室、镇级、校级"),
        "hours_hundredths": Column(Credit.hours, _HUNDREDTHS),
        "completed_on": Column(Credit.completed_on, "完成日期"),
        "year": Column(_YEAR, "完成年份（整数）"),
        "status": Column(Credit.status, "审核状态：已审核、待审核、已驳回"),
        "reason": Column(Credit.reason, "驳回原因"),
    },
    "teachers": {
        "teacher_id": Column(Teacher.teacher_id, "教师编号"),
        "name": Column(Teacher.name, "姓名"),
        "unit": Column(Teacher.unit, "学校（路径）"),
        "stage": Column(Teacher.stage, "学段"),
        "subject": Column(Teacher.subject, "学科"),
        "employed_from": Column(Teacher.employed_from, "入职日期"),
        "employed_to": Column(Teacher.employed_to, "离职日期（在职为空）"),
    },
    "budgets": {
        "unit": Column(Budget.unit, "单位（路径）"),
        "year": Column(Budget.year, "年度（整数）"),
        "public_funds_fen": Column(Budget.public_funds, "年度公用经费预算（分，整数）"),
        "training_spend_fen": Column(Budget.training_spend, "教师培训经费（分，整数）"),
        "payroll_fen": Column(Budget.payroll, "教师工资总额（分，整数）"),
        "training_appropriation_fen": Column(Budget.training_appropriation, "继续教育经费（分，整数）"),
    },
    "units": {
        "unit": Column(Unit.unit, "单位（路径）"),
        "level": Column(Unit.level, "层级：province、city、county、town、school"),
    },
}


class Selected(NamedTuple):
    """What a query found. Cells as text, empty for NULL; at most MOST_ROWS of the `total` rows.

    `columns` is empty where no row was found.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int


def dialect(database: Database) -> str:
    """The kind of SQL that the database speaks, in SQLAlchemy's words: `sqlite`, `postgresql`."""
    with database.read() as connection:
        return connection.dialect.name


def query(database: Database, scope: Scope, sql: str, seconds: float = SECONDS) -> Selected:
    """What one SELECT finds within the scope.

    InputError: the database refuses it, or it takes longer than `seconds`, or its result is too long; what the
    database says to it is told nobody. Unavailable: there is nothing to ask, or no way to ask it safely.
    """
    if not is_utf8(sql) or "\0" in sql:
        raise InputError(REFUSED)
    with database.read() as connection:
        match connection.dialect.name:
            case "sqlite":
                return _on_sqlite(connection, scope, sql, seconds)
            case "postgresql":
                return _on_postgresql(connection, scope, sql, seconds)
    raise Unavailable("自由查询只支持 SQLite 和 PostgreSQL：请核对 XUESHI_DATABASE_URL。")


def _scoped(scope: Scope) -> dict[str, Select[Any]]:
    """The views, restricted to a scope. None names another: each reads tables alone."""
    mine: list[ColumnElement[bool]] = [false()]
    if scope.teacher_id is not None:
        mine.append(Teacher.teacher_id == scope.teacher_id)
    if scope.unit is not None:
        mine.append(within(scope.unit))
    people = or_(*mine)
    made = {
        name: select(*(column.value.label(called) for called, column in columns.items()))
        for name, columns in VIEWS.items()
    }
    made["records"] = made["records"].join(Teacher, Teacher.teacher_id == Credit.teacher_id).where(people)
    made["teachers"] = made["teachers"].where(people)
    for name, column in (("budgets", Budget.unit), ("units", Unit.unit)):
        made[name] = made[name].where(false() if scope.unit is None else within(scope.unit, column))
    return made


def _written(made: Select[Any], connection: Connection, schema: str | None = None) -> str:
    """A query with its values written into it, as the driver takes it; the tables are those of `schema`."""
    compiled = made.compile(
        dialect=connection.dialect,
        schema_translate_map={None: schema} if schema else None,
        render_schema_translate=schema is not None,
        compile_kwargs={"literal_binds": True},
    )
    return str(compiled)


def _wrapped(sql: str, taken: str = "*") -> str:
    """A statement that can only be read as one SELECT, or as nothing."""
    return f"SELECT {taken} FROM (\n{sql}\n) AS asked"  # noqa: S608  any statement may stand here: see above


def _short(lines: Iterable[Sequence[object]]) -> list[list[str]]:
    """The lines as text. InputError: too much of it."""
    rows, characters = [], 0
    for line in lines:
        rows.append([_cell(value) for value in line])
        characters += sum(map(len, rows[-1]))
        if characters > MOST_CHARACTERS:
            raise InputError(TOO_LONG)
    return rows


def _cell(value: object) -> str:
    """A value as text; numbers as plain decimals without trailing zeros."""
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case float() | Decimal():
            plain = format(Decimal(str(value)), "f")
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case str() | int():
            return str(value)
    raise InputError(REFUSED)


# SQLite.

# Functions that do nothing but compute, none of which makes much of little.
_FUNCTIONS = {"count", "sum", "avg", "min", "max", "abs", "round", "coalesce", "ifnull", "nullif", "iif", "like"}
_FUNCTIONS |= {"length", "upper", "lower", "trim", "substr", "substring"}
_FUNCTIONS |= {"row_number", "rank", "dense_rank", "lag", "lead"}
# Bounds to what a statement may ask of memory and stack.
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 20,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock
# Failures that no statement is to blame for.
_BROKEN = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}


def _on_sqlite(connection: Connection, scope: Scope, sql: str, seconds: float) -> Selected:
    file = connection.scalar(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))
    if not file:
        raise Unavailable("数据库只在内存里，不能自由查询：请把 XUESHI_DATABASE_URL 设为文件。")
    try:
        with closing(sqlite3.connect(f"{Path(file).as_uri()}?mode=ro", uri=True, isolation_level=None)) as reader:
            _confine(reader, connection, scope, time.monotonic() + seconds)
            return _select(reader, sql)
    except sqlite3.Error as error:
        _LOG.error("a query failed: %s", trace(error))
        raise Unavailable("数据库暂时无法读取，请稍后再试。") from None


def _confine(reader: sqlite3.Connection, connection: Connection, scope: Scope, until: float) -> None:
    """Make the views, then let the connection read nothing else, and only so long."""
    # The authorizer is told the innermost view that a table is read through, but tells views from a query's own WITH by
    # name alone. So the tables are read through views whose names nobody can know.
    inner = {name: f"{name}_{secrets.token_hex(16)}" for name in VIEWS}
    for name, made in _scoped(scope).items():
        # LIMIT -1 takes every row, and keeps SQLite from trying a query's conditions on rows that the scope then hides:
        # an error raised by one would tell of them.
        reader.execute(f"CREATE TEMP VIEW {inner[name]} AS {_written(made.limit(-1), connection, 'main')}")
        reader.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM temp.{inner[name]}")  # noqa: S608  names of ours
    secret = frozenset(inner.values())

    def allowed(action: int, first: str | None, second: str | None, schema: str | None, view: str | None) -> int:
        match action:
            case sqlite3.SQLITE_SELECT:
                good = True
            case sqlite3.SQLITE_READ:
                # A view of which no column is used comes without its schema; a table named so has to be called by one.
                good = view in secret or first in secret or (first in VIEWS and schema in ("temp", None))
            case sqlite3.SQLITE_FUNCTION:
                good = view in secret or second in _FUNCTIONS
            case _:
                good = False
        return sqlite3.SQLITE_OK if good else sqlite3.SQLITE_DENY

    reader.execute("PRAGMA query_only = ON")
    for kind, most in _LIMITS.items():
        reader.setlimit(kind, most)
    reader.set_authorizer(allowed)
    reader.set_progress_handler(lambda: time.monotonic() > until, _STEPS)


def _select(reader: sqlite3.Connection, sql: str) -> Selected:
    try:
        found = reader.execute(_wrapped(sql))
        rows = _short(found.fetchmany(MOST_ROWS))
        total = len(rows) + sum(1 for _ in found)
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BROKEN:
            raise
        raise InputError(TOO_SLOW if code == sqlite3.SQLITE_INTERRUPT else REFUSED) from None
    return Selected([column[0] for column in found.description] if rows else [], rows, total)


# PostgreSQL.

# Whether the role is there, and is fit: we may act as it, and it has no right but those that everybody has.
_READER = """
SELECT reader.oid IS NOT NULL, coalesce(
    pg_has_role(reader.oid, 'MEMBER') AND has_database_privilege(reader.oid, current_database(), 'TEMPORARY')
    AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
    AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = reader.oid)
    AND NOT EXISTS (
        SELECT FROM unnest(CAST(:tables AS text[])) AS kept
        WHERE has_any_column_privilege(reader.oid, kept, 'SELECT, INSERT, UPDATE')
    ), false)
FROM (SELECT) AS nobody LEFT JOIN pg_roles AS reader ON rolname = CAST(:name AS name)
"""
# Runs a query as the function's owner, which no statement inside of it can change, and gives its first rows. Whatever a
# query computes is computed in here: a cursor handed out would be read with the rights of whoever reads it.
_ASKED = """
CREATE FUNCTION pg_temp.asked(question text, most int, characters int, OUT total bigint, OUT lines text[])
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    asked refcursor;
    line json;
BEGIN
    total := 0;
    lines := '{}';
    OPEN asked NO SCROLL FOR EXECUTE question;
    WHILE total < most LOOP
        FETCH asked INTO line;
        EXIT WHEN NOT FOUND;
        total := total + 1;
        characters := characters - length(line::text);
        IF characters < 0 THEN
            lines := NULL;
            RETURN;
        END IF;
        lines := array_append(lines, line::text);
    END LOOP;
    MOVE FORWARD ALL FROM asked;
    GET DIAGNOSTICS most = ROW_COUNT;
    total := total + most;
END $$
"""
_TOO_SLOW = "57014"
# Failures that no statement is to blame for: of the connection, of resources, of the server, of its files, within it.
_NOT_ITS_FAULT = ("08", "53", "57P", "58", "XX")


def _on_postgresql(connection: Connection, scope: Scope, sql: str, seconds: float) -> Selected:
    # What a statement may leave in its session, such as a lock, ends with the connection.
    connection.detach()
    reader, run = _reader(connection), connection.exec_driver_sql
    run(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}")
    # In this order: a view, once made, hides the table of its name.
    for name, made in _scoped(scope).items():
        # The barrier keeps a query's conditions from rows that the scope hides: an error raised by one would tell.
        run(f"CREATE TEMP VIEW {name} WITH (security_barrier) AS {_written(made, connection)}")
        run(f"GRANT SELECT ON pg_temp.{name} TO {reader}")
    run(_ASKED)
    run(f"ALTER FUNCTION pg_temp.asked OWNER TO {reader}")
    run("SET TRANSACTION READ ONLY")
    asked = {"question": _wrapped(sql, "row_to_json(asked)"), "most": MOST_ROWS, "characters": 10 * MOST_CHARACTERS}
    try:
        found = connection.execute(text("SELECT * FROM pg_temp.asked(:question, :most, :characters)"), asked)
        total, lines = found.one()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or state.startswith(_NOT_ITS_FAULT):
            raise
        raise InputError(TOO_SLOW if state == _TOO_SLOW else REFUSED) from None
    if lines is None:
        raise InputError(TOO_LONG)
    rows = [_line(line) for line in lines]
    return Selected([name for name, _ in rows[0]] if rows else [], _short([v for _, v in row] for row in rows), total)


def _line(line: str) -> list[tuple[str, object]]:
    """The names and values of a row, in order; two columns may have one name."""
    try:
        pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list, parse_float=Decimal, parse_int=str)
    except RecursionError:
        raise InputError(REFUSED) from None
    return pairs


def _reader(connection: Connection) -> str:
    """The role that runs queries, quoted; made where it isn't there. Unavailable: there is none that is fit."""
    user = connection.scalar(text("SELECT current_user"))
    quote = connection.dialect.identifier_preparer.quote
    reader, owner = quote(f"{user}_reader"), quote(user)
    there, fit = _looked_up(connection, f"{user}_reader")
    if not there:
        try:
            connection.exec_driver_sql(f"CREATE ROLE {reader} NOLOGIN")
            connection.exec_driver_sql(f"GRANT {reader} TO {owner}")
            connection.commit()
        except DBAPIError:
            connection.rollback()  # it may not make roles, or another process was faster
        _, fit = _looked_up(connection, f"{user}_reader")
    if not fit:
        raise Unavailable(
            f"自由查询需要一个没有任何权限的数据库角色，请数据库管理员执行：CREATE ROLE {reader} NOLOGIN; "
            f"GRANT {reader} TO {owner}; 若它已经存在，请收回它的其他权限，只留数据库的 TEMPORARY 权限。"
        )
    return reader


def _looked_up(connection: Connection, name: str) -> tuple[bool, bool]:
    """Whether a role is there, and whether it is fit to run queries."""
    tables = list(Base.metadata.tables)
    there, fit = connection.execute(text(_READER), {"name": name, "tables": tables}).one()
    return there, fit
