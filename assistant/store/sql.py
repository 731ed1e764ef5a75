"""Reads a query before the database does, so that whoever wrote it hears what to mend.

Kindness, not safety: what slips through here is refused by `assistant.store.scoped`.
"""

import logging
from collections.abc import Iterator
from typing import TypeVar

from sqlglot import TokenType, exp, parse, tokenize
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from assistant.errors import InputError
from assistant.store.scoped import VIEWS

LONGEST = 4000  # characters

_Part = TypeVar("_Part", bound=exp.Expr)

_DIALECTS = {"postgresql": "postgres"}
_FUNCTIONS = {
    "COUNT": exp.Count,
    "SUM": exp.Sum,
    "AVG": exp.Avg,
    "MIN": exp.Min,
    "MAX": exp.Max,
    "ROUND": exp.Round,
    "ABS": exp.Abs,
    "COALESCE": exp.Coalesce,
    "NULLIF": exp.Nullif,
    "CAST": exp.Cast,
    "LENGTH": exp.Length,
    "UPPER": exp.Upper,
    "LOWER": exp.Lower,
    "TRIM": exp.Trim,
    "SUBSTR": exp.Substring,
    "ROW_NUMBER": exp.RowNumber,
    "RANK": exp.Rank,
    "DENSE_RANK": exp.DenseRank,
    "LAG": exp.Lag,
    "LEAD": exp.Lead,
}
# What the parser takes for functions, too.
_SYNTAX = (exp.And, exp.Or, exp.Case, exp.If, exp.Exists)
# What may stand in a SELECT and is no plain reading of views.
_MORE = (exp.Into, exp.Lock, exp.DML, exp.Values, exp.TableSample, exp.Placeholder, exp.Parameter)
_SCHEMA: dict[str, object] = {
    view: {name: column.kind for name, column in columns.items()} for view, columns in VIEWS.items()
}

# It logs what it reads, and queries hold people's names.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def check(sql: str, dialect: str) -> str:
    """The one SELECT that `sql` is, without a semicolon; `dialect` in SQLAlchemy's words.

    InputError: it is anything else, or names what isn't in the views, or would tell less than it seems to.
    """
    dialect = _DIALECTS.get(dialect, dialect)
    if len(sql) > LONGEST:
        raise InputError(f"查询语句太长：最多 {LONGEST} 个字符，现在是 {len(sql)} 个。")
    try:
        statements = [tree for tree in parse(sql, dialect=dialect) if tree and not isinstance(tree, exp.Semicolon)]
        if len(statements) != 1 or not isinstance(statements[0], (exp.Select, exp.SetOperation, exp.Subquery)):
            raise InputError("只能写一句 SELECT：不要写别的语句，也不要一次写几句。")
        tree = statements[0]
        _kinds(tree)
        _tables(tree)
        _columns(tree, dialect)
        end = next((one.start for one in tokenize(sql, dialect) if one.token_type is TokenType.SEMICOLON), len(sql))
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"第 {first['line']} 行第 {first['col']} 列附近" if first.get("line") else "某处"
        raise InputError(f"这句 SQL 读不懂：{where}有语法错误，请改写。") from None
    except (SqlglotError, RecursionError):
        raise InputError("这句 SQL 读不懂：请改写成一句简单的 SELECT。") from None
    return sql[:end]


def _kinds(tree: exp.Expr) -> None:
    """InputError: it does more than read, calls what it may not, or shows figures of its own."""
    if tree.find(*_MORE) or any(one.args.get("recursive") for one in tree.find_all(exp.With)):
        raise InputError("只能从视图里读：不要用 INTO、FOR UPDATE、VALUES、TABLESAMPLE、参数或递归的 WITH。")
    for call in tree.find_all(exp.Func):
        if not isinstance(call, (*_FUNCTIONS.values(), *_SYNTAX)):
            name = call.name if isinstance(call, exp.Anonymous) else call.sql_name()
            raise InputError(f"不能用函数 {name.upper()}：可用的是 {'、'.join(_FUNCTIONS)}。")
    for select in tree.find_all(exp.Select):
        for shown in () if isinstance(select.parent, exp.Exists) else select.selects:
            if not shown.find(exp.Column, exp.Star) and any(char.isdigit() for char in shown.sql()):
                raise InputError(f"结果列 {shown.sql()} 不是从视图里查出来的：不要把数字直接写成结果列。")


def _tables(tree: exp.Expr) -> None:
    """InputError: it reads something that isn't a view."""
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and (source.name.lower() not in VIEWS or source.db):
                name = source.sql(comments=False)
                raise InputError(f"没有视图 {name}：可以查询的是 {'、'.join(VIEWS)}，前面不写库名。")


def _columns(tree: exp.Expr, dialect: str) -> None:
    """InputError: it names a column that isn't there, or reckons with columns in a way that misleads."""
    try:
        known = qualify(tree.copy(), schema=_SCHEMA, dialect=dialect, validate_qualify_columns=False)
    except OptimizeError as error:
        what, _, name = str(error).partition(": ")
        if what != "Unknown column":
            raise
        raise _unknown(name, tree) from None
    for name in _unresolved(known):
        raise _unknown(name, tree)
    for select in known.find_all(exp.Select):
        _grouped(select)
    # Whole numbers divided give a whole number, on PostgreSQL unless one of them is made a decimal.
    exact = [exp.DType.DOUBLE, exp.DType.FLOAT, *([exp.DType.DECIMAL] if dialect == "postgres" else [])]
    for division in annotate_types(known, schema=_SCHEMA, dialect=dialect).find_all(exp.Div):
        if not any(side.is_type(*exact) for side in (division.left, division.right)):
            raise InputError("整数相除会舍去余数：请把除数写成小数（例如 / 100.0），或先乘以 1.0。")


def _unresolved(known: exp.Expr) -> Iterator[str]:
    """The columns that no source of theirs has."""
    for scope in traverse_scope(known):
        if isinstance(scope.expression, exp.Select):
            yield from (column.name for column in scope.unqualified_columns)
        if scope.is_root:
            yield from (f"{column.table}.{column.name}" for column in scope.external_columns)


def _grouped(select: exp.Select) -> None:
    """InputError: of groups it shows a column by which it doesn't group; SQLite would take any row's."""

    def own(kind: type[_Part], part: exp.Expr) -> list[_Part]:
        return [one for one in part.find_all(kind) if one.find_ancestor(exp.Select) is select]

    shown = [one.unalias() for one in select.selects]
    group = select.args.get("group")
    by = group.expressions if group else []
    if not by and all(one.find_ancestor(exp.Window) for part in shown for one in own(exp.AggFunc, part)):
        return
    for part in shown:
        for column in () if part in by else own(exp.Column, part):
            if column not in by and not column.find_ancestor(exp.AggFunc):
                raise InputError(f"列 {column.name} 没有汇总，也不在 GROUP BY 里：请加进 GROUP BY，或去掉它。")


def _unknown(name: str, tree: exp.Expr) -> InputError:
    used = [view for view in VIEWS if any(table.name.lower() == view for table in tree.find_all(exp.Table))]
    if sum(name in VIEWS[view] for view in used) > 1:
        return InputError(f"列 {name} 不止一个视图里有：请写明是哪个视图的，例如 {used[0]}.{name}。")
    there = "；".join(f"{view} 有 {'、'.join(VIEWS[view])}" for view in used)
    return InputError(f"没有列 {name}：{there}。")
