"""Past one machine: everyone's hours on Apache Spark, by the statement that the databases run, Parquet in and out.

There is no second reckoning. `assistant.store.population` makes the statement, sqlglot puts it into Spark's words, and
whole hundredths stay whole; a sum that would overflow ends the run. Folders are paths or any address that Spark knows.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import sqlglot
from sqlalchemy import Select, String, cast, func, null, select, union_all
from sqlalchemy.dialects import postgresql

from assistant.errors import InputError, SettingsError, Unavailable, trace
from assistant.rules.find import RuleSet, Territory, territories
from assistant.store.database import Database
from assistant.store.population import FIGURES, employed_in, standings, unruled
from assistant.store.tables import Credit, Teacher

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL: Final = "local[*]"
_AT_ONCE = 200_000  # rows
# What verdicts are made of, and nothing that names anybody.
_COLUMNS = {
    "teachers": (Teacher.teacher_id, Teacher.unit, Teacher.employed_from, Teacher.employed_to),
    "credits": (
        *(Credit.teacher_id, Credit.completed_on, Credit.status, Credit.category, Credit.organiser),
        Credit.hours,
    ),
}
_TYPES = {str: "string", int: "bigint", date: "date"}
# Written last: how many rows the tables have. An export without it, or with other tables beside it, is none.
_COUNTS = "counts"
_SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # what overflows is an error, and never another number
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}
_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
_SPARK = "spark"  # the statement as any database takes it
_PATHS = {
    "PATH_ALREADY_EXISTS": "已经有内容，请换一个新目录。",
    "PATH_NOT_FOUND": "这里没有完整的导出，请先运行 xueshi spark export。",
}
_FAILED = "Spark 没有完成：请核对目录是否可写、磁盘和内存是否够用，换一个新目录再试。"
_LOG = logging.getLogger(__name__)

Advance = Callable[[int, int], None]


def export(database: Database, folder: str, master: str = LOCAL, advance: Advance | None = None) -> dict[str, int]:
    """Write the teachers and records of a database to a new folder; the rows written, by table.

    `master`: where Spark runs, in its words. `advance` is told how many of how many rows are done.
    InputError: there is something at `folder`. SettingsError: no Spark or no Java. Unavailable: the database or Spark
    fails; what it leaves behind is no export.
    """
    counts, done = dict[str, int](), 0
    with _spark(master) as spark, database.read() as connection:
        total = sum(connection.scalar(select(func.count(columns[0]))) or 0 for columns in _COLUMNS.values())
        for name, columns in _COLUMNS.items():
            schema = ", ".join(f"{column.key} {_TYPES[column.type.python_type]}" for column in columns)
            _write(
                spark, [], schema, f"{folder}/{name}", "error"
            )  # there even if it has no rows, and never there twice
            counts[name] = 0
            query = select(*columns).order_by(columns[0]).execution_options(yield_per=_AT_ONCE)
            for rows in connection.execute(query).partitions():
                _write(spark, [tuple(row) for row in rows], schema, f"{folder}/{name}", "append")
                counts[name], done = counts[name] + len(rows), done + len(rows)
                if advance:
                    advance(done, total)
        schema = ", ".join(f"{name} bigint" for name in counts)
        _write(spark, [tuple(counts.values())], schema, f"{folder}/{_COUNTS}", "error")
    return counts


def verdicts(
    rule_sets: Sequence[RuleSet], folder: str, out: str, unit: str, year: int, today: date, master: str = LOCAL
) -> int:
    """Write what holds of everyone in a unit to a new folder `out`, from what `export` wrote; how many teachers.

    A row for each who is employed on the day that compliance counts: rule_set (empty where no hour rule holds), unit,
    teacher_id and FIGURES, in hundredths. InputError: no whole export at `folder`, or something at `out`.
    SettingsError: no Spark or no Java. Unavailable: Spark fails; `out` then lacks the _SUCCESS that Spark ends with.
    """
    with _spark(master) as spark:
        counted = spark.read.parquet(f"{folder}/{_COUNTS}").first()
        for name in _COLUMNS:
            table = spark.read.parquet(f"{folder}/{name}")
            if counted is None or table.count() != counted[name]:
                raise InputError(f"{folder} 里的导出不完整，或混有别次导出的文件：请重新导出到一个新目录。")
            table.createOrReplaceTempView(name)
        spark.sql(statement(territories(rule_sets, unit, year), year, today)).write.parquet(out)
        return spark.read.parquet(out).count()


def statement(parts: Sequence[Territory], year: int, today: date) -> str:
    """The verdicts of some territories, in Spark's SQL; it reads the tables `teachers` and `credits`."""
    query = union_all(*(_of(part, year, today) for part in parts))
    # Its words come nearest to Spark's. Named parameters: others would double every "%" in a name.
    sql = query.compile(dialect=postgresql.dialect(paramstyle="named"), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    return sqlglot.transpile(str(sql), read="postgres", write="spark")[0]


def _of(part: Territory, year: int, today: date) -> Select[Any]:
    mine = employed_in(part, part.membership(year, today))
    if part.applied is None:
        found = unruled(_SPARK, year, mine).subquery("found")
    else:
        found = standings(_SPARK, part.applied, mine).subquery("found")
    rule_set = cast(part.applied.policy_id if part.applied else null(), String).label("rule_set")
    query = select(rule_set, Teacher.unit, Teacher.teacher_id, *(found.c[name] for name in FIGURES))
    return query.join(found, found.c.teacher_id == Teacher.teacher_id)


def _write(spark: "SparkSession", rows: list[Any], schema: str, folder: str, mode: str) -> None:
    spark.createDataFrame(rows, schema, verifySchema=False).write.parquet(folder, mode)


@contextmanager
def _spark(master: str) -> Iterator["SparkSession"]:
    """A session of its own; what goes wrong in it is told in one line."""
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import AnalysisException, PySparkException, PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError:
        raise SettingsError(
            "没有安装 Spark：请运行 pip install 'xueshi[spark]'，并安装 Java 17 或更新的版本。"
        ) from None
    settings: dict[str, Any] = {**_SETTINGS, **(_LOOPBACK if master.startswith("local") else {})}
    try:
        spark = SparkSession.builder.master(master).appName("xueshi").config(map=settings).getOrCreate()
    except (PySparkRuntimeError, Py4JError) as error:
        _LOG.error("starting Spark failed: %s", trace(error))
        raise SettingsError(
            "Spark 启动不了：请安装 Java 17 或更新的版本（JAVA_HOME 指向它），并核对 --master。"
        ) from None
    try:
        yield spark
    except AnalysisException as error:
        named = error.getMessageParameters() or {}
        if (what := _PATHS.get(error.getCondition() or "")) is None:
            _LOG.error("Spark failed: %s", trace(error))
            raise Unavailable(_FAILED) from None
        raise InputError(f"{named.get('path') or named.get('outputPath')}：{what}") from None
    except (PySparkException, Py4JError) as error:
        _LOG.error("Spark failed: %s", trace(error))
        raise Unavailable(_FAILED) from None
    finally:
        spark.stop()
