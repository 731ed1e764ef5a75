"""The rules at scale: everyone's standing in SQL, a town's dashboard and an import, over teachers made up for it.

Each kind of work runs in a process of its own, `python -m evals.bench.population <kind> <folder> [<size>]`, so that
memory is its own; it imports what it works with and nothing else.
"""

import csv
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from cProfile import Profile
from datetime import date, timedelta
from itertools import chain, islice, repeat
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, cast

import yaml

from assistant import hours
from assistant.identity import Level
from assistant.rules.find import Applicable, RuleSet, find
from assistant.rules.schema import RuleFile
from assistant.settings import SHIPPED_CORPUS
from assistant.store import rollup
from assistant.store.database import Connection, Database
from assistant.store.loading import COLUMNS, Kind
from assistant.store.population import standings
from evals.bench.measure import peak, row, side_by_side, table

TEACHERS = 100_000
RECORDS = 20  # of a teacher, in two years
PER_TOWN, SCHOOLS = 2000, 40  # teachers and schools of a town
WITHOUT_RECORDS = 50  # every so many teachers one has none
IMPORTED = (100_000, 300_000, 1_000_000)
YEAR, TODAY = 2023, date(2023, 11, 15)
CITY = "广东省/东莞市"
POLICY = "dongguan-2023"
ROUNDS, LOOKS = 5, 30
SEED = 2023
OURS, THEIRS = "xueshi, SQL to rows", "OpenFisca, rows to figures"
THE_YEAR, ALL = "plain SUM of the year", "plain SUM of all years"
_SUMS = {
    THE_YEAR: "SELECT teacher_id, SUM(hours) FROM credits"
    f" WHERE completed_on BETWEEN '{YEAR}-01-01' AND '{YEAR}-12-31' GROUP BY teacher_id",
    ALL: "SELECT teacher_id, SUM(hours) FROM credits GROUP BY teacher_id",
}
_AT_ONCE = 5000  # teachers whose records are made up at a time
_FIRST_DAY = date(YEAR - 1, 1, 1)
_DAYS = [str(_FIRST_DAY + timedelta(number)) for number in range((TODAY - _FIRST_DAY).days)]
_KINDS: dict[str, Sequence[str | int]] = {
    "category": ["公需科目", "专业科目", "个人选修科目"],
    "organiser": ["国家级", "省级", "市级", "市教研室", "镇级", "校级"],
    "hours": [200, 350, 400, 600, 850, 1200, 1800],
    "completed_on": _DAYS,
    "status": ["已审核"] * 8 + ["待审核", "已驳回"],
}

Told = dict[str, float]
Row = Sequence[str | int | None]


class Done(NamedTuple):
    """What a kind of work tells of itself, and the most memory that it held, in MB."""

    told: Told
    memory: float


def main(teachers: int = TEACHERS) -> None:
    """Run each kind of work over as many teachers, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        count = apart("write", folder, teachers).told
        of = f"{count['teachers']:,} teachers, {count['records']:,} records"
        show_standings(of, apart("sqlite", folder).told, apart("postgresql", folder, teachers).told)
        memory = [apart("once", folder, module=one).memory for one in (__spec__.name, "evals.bench.openfisca")]
        show_openfisca(of, apart("openfisca", folder).told, *memory)
        show_dashboards(of, apart("dashboards", folder).told)
    table(
        "Importing credits.csv", "SQLite; no records there before", ["rows a second", "seconds", "memory at its peak"]
    )
    for rows in IMPORTED:
        with tempfile.TemporaryDirectory() as folder:
            apart("write_import", folder, rows)
            told, held = apart("import", folder)
        row(f"{rows:,} rows", f"{rows / told['seconds']:,.0f}", f"{told['seconds']:.1f}", f"{held:.0f} MB")


def show_standings(of: str, *engines: Told) -> None:
    """What everyone's standing takes on each database that is here."""
    here = {name: told for name, told in zip(("SQLite", "PostgreSQL"), engines, strict=True) if told}
    columns = [cell for name in here for cell in (name, "÷ SUM of the year", "÷ SUM of all")]
    table("Everyone's standing", f"{of}; every row fetched", columns)
    for work in engines[0]:
        shares = ((told[work], told[work] / told[THE_YEAR], told[work] / told[ALL]) for told in here.values())
        row(work, *(cell for one, year, every in shares for cell in (seconds(one), f"{year:.2f}", f"{every:.2f}")))


def show_openfisca(of: str, told: Told, ours: float, theirs: float) -> None:
    """What the same figures take with OpenFisca, and the memory that both take."""
    columns = ["median", "÷ OpenFisca", "memory at its peak", "÷ OpenFisca"]
    table("Everyone's standing, and OpenFisca's", f"{of}, SQLite; all figures equal", columns)
    held = {OURS: (f"{ours:.0f} MB", f"{ours / theirs:.2f}"), THEIRS: (f"{theirs:.0f} MB", "1.00")}
    for work, one in told.items():
        row(work, seconds(one), f"{one / told[THEIRS]:.2f}", *held.get(work, ("", "")))


def show_dashboards(of: str, told: Told) -> None:
    """What compliance reports take."""
    table("Dashboards", f"{of}, SQLite", ["median"])
    for work, one in told.items():
        row(work, seconds(one))


def seconds(one: float) -> str:
    """A time for a reader."""
    return f"{one:.2f} s" if one >= 1 else f"{one * 1e3:.1f} ms"


def apart(kind: str, folder: str, *size: int, module: str = __spec__.name) -> Done:
    """A kind of work, done in a process of its own."""
    command = [sys.executable, "-m", module, kind, folder, *map(str, size)]
    return Done(*json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


# The people and records made up


def rows_of(kind: Kind, teachers: int) -> Iterator[Row]:
    """The rows of a table for as many teachers, in the order of its file's columns."""
    towns = [f"{CITY}/第{number:03}镇" for number in range(-(-teachers // PER_TOWN))]
    schools = [f"{town}/第{number:02}学校" for town in towns for number in range(SCHOOLS)]
    if kind == "units":
        yield from (
            ("广东省", "province"),
            (CITY, "city"),
            *zip(towns, repeat("town")),
            *zip(schools, repeat("school")),
        )
    elif kind == "budgets":
        yield from ((town, YEAR, None, None, 900_000_000, 20_000_000 + place) for place, town in enumerate(towns))
        yield from ((one, YEAR, 8_000_000, 700_000 + place, None, None) for place, one in enumerate(schools))
    elif kind == "teachers":
        import numpy

        places = numpy.random.default_rng(SEED).integers(len(schools), size=teachers).tolist()
        for number, place in enumerate(places):
            yield (_teacher_id(number), f"某{number}", schools[place], "小学", "语文", "2010-08-01", None)
    else:
        starts = range(0, teachers, _AT_ONCE)
        yield from chain.from_iterable(_credits(range(one, min(one + _AT_ONCE, teachers))) for one in starts)


def _teacher_id(number: int) -> str:
    return f"T{number:07}"


def _credits(teachers: range) -> Iterator[Row]:
    """The records of some teachers, the same at every call."""
    import numpy

    owners = [one for one in teachers if one % WITHOUT_RECORDS != WITHOUT_RECORDS - 1 for _ in range(RECORDS)]
    rng = numpy.random.default_rng((SEED, teachers.start))
    made = {
        name: numpy.array(words, object)[rng.integers(len(words), size=len(owners))] for name, words in _KINDS.items()
    }
    ids = (f"R{teachers.start * RECORDS + place:09}" for place in range(len(owners)))
    values: dict[str, Iterable[str | int | None]] = {
        "record_id": ids,
        "teacher_id": map(_teacher_id, owners),
        "title": repeat("校本研修"),
        "reason": repeat(None),
        **made,
    }
    return zip(*(values[name] for name in COLUMNS["credits"]), strict=False)


def write(folder: Path, teachers: int) -> Told:
    """A home with policies and a full database."""
    from assistant.retrieval.index import open_stores
    from assistant.settings import Settings
    from ingest.policies import ingest_policies

    database, index = open_stores(Settings.model_construct(home=folder))
    ingest_policies(database, index, [SHIPPED_CORPUS])
    index.close()
    database.close()
    fill_sqlite(folder, teachers, ("units", "teachers", "credits", "budgets"))
    connection = sqlite3.connect(folder / "xueshi.db")
    count = {kind: connection.execute(f"SELECT COUNT(*) FROM {kind}").fetchone()[0] for kind in ("teachers", "credits")}
    return {"teachers": count["teachers"], "records": count["credits"]}


def fill_sqlite(folder: Path, teachers: int, kinds: Sequence[Kind]) -> None:
    """Put rows into an empty database, quickly, since a crash would lose nothing."""
    connection = sqlite3.connect(folder / "xueshi.db")
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    with connection:
        for kind in kinds:
            columns, marks = ", ".join(COLUMNS[kind]), ", ".join("?" for _ in COLUMNS[kind])
            connection.executemany(f"INSERT INTO {kind} ({columns}) VALUES ({marks})", rows_of(kind, teachers))
    connection.close()


# Everyone's standing


def rules() -> Applicable:
    """Dongguan's rules of the year, as shipped."""
    written = yaml.safe_load((SHIPPED_CORPUS / POLICY / "rules.yaml").read_text("utf-8"))
    applied = find([RuleSet(POLICY, CITY, RuleFile.model_validate(written))], CITY, YEAR)
    assert applied is not None
    return applied


def everyone(connection: Connection) -> Callable[[], Sequence[Any]]:
    """All standings, computed and fetched."""
    applied = rules()
    return lambda: connection.execute(standings(connection.dialect.name, applied)).all()


def sqlite(folder: Path) -> Told:
    """Everyone's standing against plain sums, on SQLite."""
    return compare(Database(f"sqlite:///{folder / 'xueshi.db'}"))


def postgresql(folder: Path, teachers: int) -> Told:
    """The same on a PostgreSQL server with its default settings; nothing where no server can be started."""
    import psycopg

    from tests.postgres import NoServer, started

    try:
        with started() as server:
            name = server.create()
            database = Database(server.address(name))
            with psycopg.connect(host=str(server.folder), user="postgres", dbname=name, autocommit=True) as connection:
                for kind in ("units", "teachers", "credits"):
                    copy = f"COPY {kind} ({', '.join(COLUMNS[kind])}) FROM STDIN"
                    with connection.cursor().copy(copy.encode()) as into:
                        for one in rows_of(kind, teachers):
                            into.write_row(one)
                connection.execute("VACUUM ANALYZE")
            told = compare(database)
            database.close()
            return told
    except NoServer as error:
        print(error, file=sys.stderr)
        return {}


def compare(database: Database) -> Told:
    """Seconds of plain sums, as the server plans them by itself, and of everyone's standing."""
    with database.read() as plain, database.read() as connection:
        if plain.dialect.name == "postgresql":
            plain.exec_driver_sql("SET random_page_cost TO DEFAULT")

        def summed(query: str) -> Callable[[], object]:
            return lambda: plain.exec_driver_sql(query).all()

        work = {name: summed(query) for name, query in _SUMS.items()}
        work["everyone's standing"] = everyone(connection)
        return timed(work, ROUNDS)


def timed(work: Mapping[str, Callable[[], object]], rounds: int) -> Told:
    """Median seconds of each, once all have been done."""
    side_by_side([*work.values()], 1)
    return dict(zip(work, side_by_side([*work.values()], rounds), strict=True))


def openfisca(folder: Path) -> Told:
    """Everyone's standing against OpenFisca's, which must be the same."""
    from evals.bench.openfisca import FIGURES, figures, read

    path = folder / "xueshi.db"
    rows = read(path)
    found = figures(rows)
    columns = (found[name].tolist() for name in FIGURES)
    theirs = dict(zip(rows.teacher_ids, zip(*columns, strict=True), strict=True))
    with Database(f"sqlite:///{path}").read() as connection:
        ours = everyone(connection)
        assert theirs == {one.teacher_id: tuple(getattr(one, name) for name in FIGURES) for one in ours()}
        del theirs
        work = {
            OURS: ours,
            THEIRS: lambda: figures(read(path)),
            "OpenFisca, figures alone": lambda: figures(rows),
        }
        return timed(work, ROUNDS)


def once(folder: Path) -> Told:
    """Everyone's standing once, row by row: OpenFisca's rows are not kept either."""
    with Database(f"sqlite:///{folder / 'xueshi.db'}").read() as connection:
        for _ in connection.execute(standings(connection.dialect.name, rules())):
            pass
    return {}


# Dashboards


def dashboards(folder: Path) -> Told:
    """Compliance from stored standings, and the parts of a town's."""
    from assistant.compliance import compliance

    database = Database(f"sqlite:///{folder / 'xueshi.db'}")
    town = f"{CITY}/第000镇"

    def looked(unit: str, level: Level) -> Callable[[], object]:
        return lambda: compliance(database, unit, YEAR, level, TODAY)

    start = time.perf_counter()
    looked(CITY, "town")()
    first = time.perf_counter() - start
    one = looked(town, "school")
    told = timed({"a town by school": one}, LOOKS)
    told |= {f"of it: {name}()": share * told["a town by school"] for name, share in queries(one)}
    told |= timed({"a school by teacher": looked(f"{town}/第00学校", "teacher")}, LOOKS)
    told |= timed({"the city by town": looked(CITY, "town")}, ROUNDS)
    return {**told, "the city by town, for the first time: computes and stores everyone's standing": first}


def queries(report: Callable[[], object]) -> Iterator[tuple[str, float]]:
    """What a report asks of the store, and the share of its time that each takes, the largest first."""
    profile = Profile()
    start = time.perf_counter()
    for _ in range(LOOKS):
        profile.runcall(report)
    whole = time.perf_counter() - start
    for entry in sorted(profile.getstats(), key=lambda entry: -entry.totaltime):
        code = entry.code
        if isinstance(code, CodeType) and code.co_filename == rollup.__file__ and code.co_name[0] not in "_<":
            yield code.co_name, entry.totaltime / whole


# Imports


def write_import(folder: Path, rows: int) -> Told:
    """A database with teachers, and a file of as many of their records."""
    owners = -(-rows // RECORDS)
    teachers = owners + owners // (WITHOUT_RECORDS - 1)
    Database(f"sqlite:///{folder / 'xueshi.db'}").close()
    fill_sqlite(folder, teachers, ("units", "teachers"))
    columns = COLUMNS["credits"]
    at = columns.index("hours")
    with (folder / "credits.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for one in islice(rows_of("credits", teachers), rows):
            writer.writerow([*one[:at], hours.show(cast(int, one[at])), *one[at + 1 :]])
    return {}


def load(folder: Path) -> Told:
    """Import the file."""
    from ingest.records import load_records

    database = Database(f"sqlite:///{folder / 'xueshi.db'}")
    start = time.perf_counter()
    load_records(database, [folder / "credits.csv"], TODAY)
    return {"seconds": time.perf_counter() - start}


_WORK: dict[str, Callable[..., Told]] = {
    "write": write,
    "sqlite": sqlite,
    "postgresql": postgresql,
    "openfisca": openfisca,
    "once": once,
    "dashboards": dashboards,
    "write_import": write_import,
    "import": load,
}

if __name__ == "__main__":
    kind, folder, *size = sys.argv[1:]
    told = _WORK[kind](Path(folder), *map(int, size))
    print(json.dumps([told, peak()]))
