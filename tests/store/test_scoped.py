"""Anybody's SELECT, read by nobody beforehand: the database alone keeps it to what the asker may see.

Each attack is first run by the application itself, where it succeeds: one that could do no harm would prove nothing.
"""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.pool import NullPool

from assistant.errors import InputError, Unavailable
from assistant.identity import Scope
from assistant.store import people, scoped
from assistant.store.database import Database
from assistant.store.scoped import MOST_ROWS, REFUSED, TOO_LONG, TOO_SLOW, VIEWS, query
from assistant.store.tables import AccountRow, Base, Budget, Credit, Teacher, Thread, Turn, Unit

pytestmark = pytest.mark.sqlite("opens a database of either kind itself")

CITY, EAST, WEST = "云省/甲市", "云省/甲市/东镇", "云省/甲市/西镇"
UNITS = [
    "云省",
    CITY,
    EAST,
    WEST,
    f"{EAST}/一小",
    f"{EAST}/二小",
    f"{WEST}/三小",
    "云省/甲市/东镇乡",
    "云省/甲市/东镇乡/四小",
]
# By number: name and school. 安可 asks; of the others nothing may come out.
PEOPLE = {
    "T1": ("安可", f"{EAST}/一小"),
    "T2": ("毕然", f"{EAST}/一小"),
    "T3": ("岑宁", f"{EAST}/二小"),
    "T4": ("戴青", f"{WEST}/三小"),
    "T5": ("费悦", "云省/甲市/东镇乡/四小"),
}
HOURS = [10, 20, 450]
ONESELF, SCHOOL, TOWN = Scope("T1", None), Scope(None, f"{EAST}/一小"), Scope(None, EAST)
SCOPES = [
    ONESELF,
    SCHOOL,
    TOWN,
    Scope("T4", EAST),
    Scope(None, CITY),
    Scope(None, "云省/甲市/东"),
    Scope(None, "云省/%"),
]
SCOPES += [
    Scope(None, None),
    Scope("", ""),
    Scope("T1' OR '1'='1", "云省' OR '1'='1"),
    Scope("%", "\\"),
    Scope(":x", "%s"),
]
# What only others' rows hold, and what nobody may read at all.
HIDDEN = ["毕然", "岑宁", "戴青", "费悦", "T2", "wx-t2", "import_id", "CREATE ", "root:", "scoped.db"]


class Engine:
    """A filled database, and how the application itself would run a statement on it."""

    def __init__(self, database: Database, control: Callable[[str], str], kind: str) -> None:
        self.database, self.control, self.kind = database, control, kind

    def tried(self, sql: str, scope: Scope = ONESELF) -> str:
        """All that whoever asked gets to see: cells and columns, or the refusal."""
        try:
            return shown(query(self.database, scope, sql, seconds=1))
        except InputError as error:
            return str(error)

    def refused(self, sql: str, seconds: float = 1) -> str:
        with pytest.raises(InputError) as refusal:
            query(self.database, ONESELF, sql, seconds)
        return str(refusal.value)

    def everything(self) -> list[Any]:
        with self.database.read() as connection:
            return [connection.execute(select(table)).all() for table in Base.metadata.sorted_tables]


def shown(found: scoped.Selected) -> str:
    return " ".join(chain(found.columns, *found.rows, [str(found.total)]))


def fill(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(Unit), [{"unit": unit, "level": "school"} for unit in UNITS])
        teacher = {"stage": "小学", "subject": "语文", "employed_from": date(2019, 9, 1)}
        rows = [{"teacher_id": one, "name": name, "unit": unit, **teacher} for one, (name, unit) in PEOPLE.items()]
        connection.execute(insert(Teacher), rows)
        record = {"category": "专业科目", "organiser": "镇级", "status": "已审核"}
        records = [
            {"record_id": f"{one}-{at}", "teacher_id": one, "title": f"{name}的第{at}课", "hours": hours, **record}
            | {"completed_on": date(2021 + at, 5, 6), "reason": "缺证明" if at == 1 else None}
            for one, (name, _) in PEOPLE.items()
            for at, hours in enumerate(HOURS)
        ]
        connection.execute(insert(Credit), records)
        connection.execute(insert(Budget), [{"unit": unit, "year": 2023, "public_funds": 123456} for unit in UNITS])
        account = {"account": "t2", "role": "teacher", "teacher_id": "T2", "wecom_userid": "wx-t2"}
        connection.execute(insert(AccountRow), [account])
        connection.execute(insert(Thread), [{"id": "h2", "account": "t2"}])
        turn = {"id": "u2", "thread_id": "h2", "account": "t2", "asked_at": 1.0, "question": "毕然还差多少学时"}
        connection.execute(insert(Turn), [turn])


def controlled(address: str, schema: str) -> Callable[[str], str]:
    """Runs statements with every right, beside views of the scope of T1 that nothing guards; all is undone."""
    engine = create_engine(address, poolclass=NullPool)
    views = (
        "CREATE TEMP VIEW records AS SELECT record_id, teacher_id, name, unit, title, hours AS hours_hundredths"
        f" FROM {schema}.credits JOIN {schema}.teachers USING (teacher_id) WHERE unit || teacher_id = '{EAST}/一小T1'",
        f"CREATE TEMP VIEW teachers AS SELECT * FROM {schema}.teachers WHERE teacher_id = 'T1'",
    )

    def run(sql: str) -> str:
        with engine.connect().execution_options(no_parameters=True) as connection:
            for view in views:
                connection.exec_driver_sql(view)
            try:
                return str(connection.exec_driver_sql(sql).all())
            except Exception as error:
                return str(error)

    return run


def sqlite(folder: Path) -> Iterator[Engine]:
    address = f"sqlite:///{folder / 'scoped.db'}"
    with closing(Database(address)) as database:
        fill(database)
        yield Engine(database, controlled(address, "main"), "sqlite")


def postgresql(server: str) -> Iterator[Engine]:
    with installed(server, "CREATEROLE") as (address, superuser), closing(Database(address)) as database:
        fill(database)
        with administered(superuser) as run:
            run("ANALYZE")
        with database.read() as other:
            # Another's session, whose last statement stands in the server's list of what goes on.
            other.execute(text("SELECT '毕然'"))
            yield Engine(database, controlled(superuser, "public"), "postgresql")


@contextmanager
def installed(server: str, attributes: str = "") -> Iterator[tuple[str, str]]:
    """An empty database of a new role with these attributes: its address, and a superuser's of the same database."""
    name = f"xs_{secrets.token_hex(4)}"
    superuser = make_url(server).set(database=name)
    own = superuser.set(username=name, password="x")
    with administered(server) as run:
        run(f"CREATE ROLE {name} LOGIN PASSWORD 'x' {attributes}")
        run(f"CREATE DATABASE {name} OWNER {name}")
        yield own.render_as_string(hide_password=False), superuser.render_as_string(hide_password=False)
        run(f"DROP DATABASE {name} WITH (FORCE)")
        run(f"DROP ROLE IF EXISTS {name}_reader, {name}")


@contextmanager
def administered(address: str) -> Iterator[Callable[[str], Any]]:
    """Runs statements as the server's administrator, each for good, and gives the first value of what they return."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:

        def run(statement: str) -> Any:
            result = connection.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None

        yield run


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        yield from sqlite(tmp_path_factory.mktemp("scoped"))
    else:
        yield from postgresql(request.getfixturevalue("postgres_url"))


# What is asked honestly.


def test_each_view_has_its_columns(engine: Engine) -> None:
    for view, columns in VIEWS.items():
        found = query(engine.database, Scope("T1", EAST), f"SELECT * FROM {view}")
        assert list(found.columns) == list(columns)
        assert found.rows


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_the_scope_is_that_of_every_other_query(scope: Scope, engine: Engine) -> None:
    with engine.database.read() as connection:
        seen = [one for one in PEOPLE if people.teacher(connection, scope, one)]
    found = query(engine.database, scope, "SELECT teacher_id FROM teachers ORDER BY 1")
    assert [one for [one] in found.rows] == seen
    records = query(engine.database, scope, "SELECT record_id FROM records ORDER BY 1")
    assert [one for [one] in records.rows] == [f"{one}-{at}" for one in seen for at in range(len(HOURS))]
    places = [unit for unit in UNITS if scope.unit and (unit == scope.unit or unit.startswith(f"{scope.unit}/"))]
    for view in ("units", "budgets"):
        assert sorted(one for [one] in query(engine.database, scope, f"SELECT unit FROM {view}").rows) == sorted(places)


def test_two_people_ask_at_once_and_see_each_their_own(engine: Engine) -> None:
    def asked(one: str) -> set[str]:
        return {row[0] for row in query(engine.database, Scope(one, None), "SELECT teacher_id FROM records").rows}

    who = list(PEOPLE) * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, who)) == [{one} for one in who]


def test_sums_of_hours_are_exact(engine: Engine) -> None:
    sql = "SELECT SUM(hours_hundredths) / 100.0, COUNT(*), AVG(hours_hundredths), SUM(public_funds_fen) / 100.0"
    sql += " FROM records, (SELECT MAX(public_funds_fen) AS public_funds_fen FROM budgets) AS b"
    assert query(engine.database, SCHOOL, sql).rows == [["9.6", "6", "160", "7407.36"]]


def test_cells_are_told_as_they_are(engine: Engine) -> None:
    sql = (
        "SELECT completed_on, year, reason, '1.50' AS t, 1.50 AS n, 100.0 AS n, 1 = 1 AS b, 9000000000000000001 AS i "
        "FROM records ORDER BY completed_on DESC"
    )
    found = query(engine.database, ONESELF, sql)
    assert found.rows[1] == ["2022-05-06", "2022", "缺证明", "1.50", "1.5", "100", "1", "9000000000000000001"]
    assert [row[0] for row in found.rows] == ["2023-05-06", "2022-05-06", "2021-05-06"]
    assert found.rows[0][2] == ""


def test_a_long_list_is_cut_and_counted(engine: Engine) -> None:
    many = "SELECT a.record_id FROM records a, records b, records c, records d, records e ORDER BY 1"
    found = query(engine.database, ONESELF, many + " LIMIT 200")
    assert (len(found.rows), found.total) == (MOST_ROWS, 200)
    found = query(engine.database, ONESELF, many)
    assert (len(found.rows), found.total) == (MOST_ROWS, 3**5)
    assert set(chain(*found.rows)) == {"T1-0", "T1-1", "T1-2"}


def test_nothing_found_is_no_row(engine: Engine) -> None:
    assert query(engine.database, ONESELF, "SELECT * FROM records WHERE teacher_id = 'T2'") == ([], [], 0)


# Attacks. `{0}` is the schema of the tables.

STEALING = [
    "SELECT title FROM credits",
    "SELECT name FROM {0}.teachers",
    'SELECT "name" FROM {0}."teachers"',
    "SELECT t.* FROM {0}.teachers AS t",
    "SELECT wecom_userid FROM accounts",
    "SELECT question FROM turns",
    "SELECT title FROM records UNION SELECT title FROM credits",
    "SELECT title FROM records UNION ALL SELECT name FROM {0}.teachers",
    "SELECT title FROM credits EXCEPT SELECT title FROM records",
    "SELECT (SELECT MAX(title) FROM credits) FROM records",
    "SELECT title FROM records UNION SELECT MIN(title) || MAX(name) FROM credits, {0}.teachers",
    "SELECT c.title FROM records AS r JOIN credits AS c ON c.record_id <> r.record_id",
    "SELECT c.title FROM records AS r LEFT JOIN credits AS c ON c.category = c.category",
    "SELECT title FROM credits AS records",
    "SELECT title FROM (SELECT * FROM credits) AS records",
    "WITH records AS (SELECT * FROM credits) SELECT title FROM records",
    "WITH teachers AS (SELECT * FROM {0}.teachers) SELECT name FROM teachers",
    "WITH records AS (SELECT title FROM credits), teachers AS (SELECT * FROM records) SELECT * FROM teachers",
    "WITH a AS (WITH records AS (SELECT title FROM credits) SELECT * FROM records) SELECT * FROM a",
    "SELECT * FROM (WITH records AS (SELECT title FROM credits) SELECT * FROM records) AS r",
    "SELECT title FROM records) AS a UNION SELECT * FROM (SELECT title FROM credits",
    "SELECT title FROM records /* ' */ UNION SELECT title FROM credits -- '",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM credits WHERE title LIKE '毕然%') THEN '毕然' ELSE '' END",
    "SELECT MAX(name) OVER () FROM {0}.teachers",
    "SELECT title FROM credits JOIN {0}.teachers USING (teacher_id)",
]
STEALING_OF = {
    "sqlite": [
        "SELECT sql FROM sqlite_master",
        "SELECT sql FROM sqlite_schema",
        "SELECT sql FROM main.sqlite_master",
        "SELECT sql FROM sqlite_temp_master",
        "SELECT sql FROM temp.sqlite_temp_schema",
        "SELECT name FROM pragma_table_info('credits')",
        "SELECT file FROM pragma_database_list",
        "WITH sqlite_master AS (SELECT sql FROM main.sqlite_master) SELECT * FROM sqlite_master",
        "SELECT 'T' || (COUNT(*) / 2) FROM {0}.teachers",
        "SELECT 'T' || ((SELECT COUNT(*) FROM {0}.teachers) / 2)",
        "WITH teachers AS (SELECT COUNT(*) AS n FROM {0}.teachers) SELECT 'T' || (n / 2) FROM teachers",
        "SELECT group_concat(title) FROM main.credits",
        "SELECT json_group_array(title) FROM credits",
        "SELECT title FROM credits WHERE rowid = 5",
        "SELECT title FROM credits INDEXED BY ix_credits_verdict WHERE teacher_id > ''",
        "SELECT value FROM json_each((SELECT json_group_array(title) FROM credits))",
    ],
    "postgresql": [
        "SELECT query_to_xml('SELECT title FROM credits', true, true, '')::text",
        "SELECT query_to_xml('WITH records AS (SELECT * FROM public.credits) TABLE records', true, true, '')::text",
        "SELECT table_to_xml('credits', true, true, '')::text",
        "SELECT table_to_xml('public.teachers', true, true, '')::text",
        "SELECT schema_to_xml('public', true, true, '')::text",
        "SELECT database_to_xml(true, true, '')::text",
        "SELECT word FROM ts_stat('SELECT to_tsvector(title) FROM credits')",
        "SELECT histogram_bounds::text FROM pg_stats WHERE tablename = 'teachers'",
        "SELECT stavalues1::text FROM pg_statistic",
        "SELECT query FROM pg_stat_activity",
        "SELECT (pg_stat_get_activity(NULL)).query",
        "SELECT set_config('role', 'none', false) || (SELECT MAX(title) || MIN(name) FROM credits, public.teachers)",
        "SELECT set_config('role', session_user, true) || query_to_xml('SELECT * FROM credits', true, true, '')",
        "SELECT set_config('session_authorization', session_user, false) || (SELECT MAX(title) FROM credits)",
        "SELECT query_to_xml('SELECT set_config(''role'', ''none'', false)', true, true, '')::text, title FROM credits",
        "SELECT set_config('row_security', 'off', true) || title FROM credits",
        "SELECT set_config('search_path', 'public', true), name FROM public.teachers",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT convert_from(pg_read_binary_file('/etc/passwd'), 'UTF8')",
        "SELECT CAST((SELECT string_agg(name, '') FROM public.teachers) AS int)",
        "SELECT row_to_json(c)::text FROM credits AS c",
        "SELECT string_agg(title, '') FROM ONLY credits",
        "SELECT title FROM credits TABLESAMPLE SYSTEM (100)",
        "SELECT l.title FROM records AS r, LATERAL (SELECT title FROM credits WHERE title <> r.title) AS l",
        "SELECT * FROM ROWS FROM (unnest((SELECT array_agg(title) FROM credits))) AS t",
    ],
}


def test_what_others_have_stays_hidden(engine: Engine) -> None:
    schema = {"sqlite": "main", "postgresql": "public"}[engine.kind]
    for attack in STEALING + STEALING_OF[engine.kind]:
        sql = attack.format(schema)
        # One that steps out of the parentheses around it makes sense only within them.
        alone = f"SELECT * FROM ({sql}) AS asked" if ") AS a UNION" in sql else sql
        told = engine.control(alone)
        if "unsupported XML feature" in told:
            continue  # some servers are built without
        assert any(word in told for word in HIDDEN), f"succeeds nowhere: {sql}"
        assert not any(word in engine.tried(sql) for word in HIDDEN), sql


# A guess about 毕然's records, right and wrong: whatever a query does with rows of others, it must do the same.
GUESSES = [
    "SELECT 1 FROM records WHERE record_id = 'T2-0' AND {fails}",
    "SELECT 1 FROM records WHERE {fails}",
    "SELECT 1 FROM records WHERE record_id > 'T1-9' AND {fails}",
    "SELECT 1 FROM records AS r JOIN teachers AS t ON {fails} AND t.teacher_id = r.teacher_id",
    "SELECT COUNT(*) FROM records WHERE record_id = 'T2-0' AND {fails}",
    "SELECT (SELECT 1 FROM records WHERE record_id = 'T2-0' AND {fails}) AS x",
    "SELECT title FROM records WHERE record_id = 'T2-0' AND {fails} ORDER BY title LIMIT 1",
    "SELECT title FROM records WHERE record_id = 'T2-0' GROUP BY title HAVING {fails}",
    "SELECT {fails} AS x FROM records",
    "SELECT title FROM records ORDER BY {fails}",
]
FAILING = {
    "sqlite": "abs(CASE WHEN title LIKE '{}%' THEN -9223372036854775808 ELSE 0 END) = 1",
    "postgresql": "1 / (CASE WHEN title LIKE '{}%' THEN 0 ELSE 1 END) = 2",
}


def guessed(engine: Engine, sql: str) -> list[str]:
    return [sql.format(fails=FAILING[engine.kind].format(guess)) for guess in ("毕然", "某某")]


@pytest.mark.parametrize("scope", [ONESELF, Scope(None, WEST), Scope("T4", WEST)], ids=str)
def test_an_error_tells_nothing_of_hidden_rows(scope: Scope, engine: Engine) -> None:
    for sql in GUESSES:
        right, wrong = (engine.tried(one, scope) for one in guessed(engine, sql))
        assert right == wrong != REFUSED, sql


def test_an_unguarded_view_would_have_told(engine: Engine) -> None:
    right, wrong = (engine.control(one) for one in guessed(engine, GUESSES[0]))
    assert "overflow" in right or "zero" in right
    assert wrong == "[]"


def test_the_database_s_own_words_are_told_nobody(engine: Engine) -> None:
    for sql in ("SELECT CAST(name AS int) + 1 / 0 FROM nosuch", "SELECT nosuch FROM records"):
        assert engine.refused(sql) == REFUSED
    if engine.kind == "postgresql":
        assert "安可" in engine.control("SELECT CAST(name AS int) FROM records")
        assert engine.refused("SELECT CAST(name AS int) FROM records") == REFUSED


REFUSED_EVERYWHERE = [
    "",
    ";",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1;",
    "SELECT 1); DELETE FROM credits; SELECT * FROM (SELECT 1",
    "SELECT 1) AS asked; UPDATE credits SET hours = 0; --",
    "DELETE FROM credits",
    "UPDATE credits SET hours = 1",
    "INSERT INTO credits SELECT * FROM credits",
    "DELETE FROM records",
    "DROP TABLE credits",
    "DROP VIEW records",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE TEMP VIEW x AS SELECT 1",
    "WITH x AS (SELECT 1) DELETE FROM credits",
    "WITH x AS (DELETE FROM credits RETURNING *) SELECT * FROM x",
    "EXPLAIN SELECT * FROM records",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "ANALYZE",
    "VACUUM",
    "REINDEX",
    "SELECT * FROM nosuch",
    "SELECT nosuch()",
    "SELECT 1 \0",
    "SELECT '\ud800'",
    "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
]
REFUSED_BY = {
    "sqlite": [
        "ATTACH DATABASE ':memory:' AS x",
        "SELECT * FROM records; ATTACH 'x.db' AS x",
        "DETACH DATABASE main",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA table_info(credits)",
        "EXPLAIN QUERY PLAN SELECT * FROM records",
        "VACUUM INTO 'copy.db'",
        "SAVEPOINT x",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('x', 'y')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT randomblob(1000000000)",
        "SELECT zeroblob(1000000000)",
        "SELECT printf('%999999999d', 1)",
        "SELECT replace(hex(zeroblob(100000)), '0', 'xxxxxxxxxx')",
        "SELECT strftime('%Y', 'now')",
        "SELECT x'ff'",
        "SELECT CAST(x'ff' AS TEXT)",
        "SELECT * FROM json_each('[1]')",
        "SELECT * FROM records WHERE title MATCH 'x'",
        "SELECT * FROM dbstat",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r LIMIT 3",
    ],
    "postgresql": [
        "SELECT 1 INTO x",
        "SELECT * FROM records FOR UPDATE",
        "SELECT * FROM credits FOR SHARE",
        "COPY credits TO STDOUT",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET ROLE NONE",
        "RESET ROLE",
        "SET statement_timeout = 0",
        "SHOW data_directory",
        "DO $$ BEGIN END $$",
        "CALL nosuch()",
        "LOCK TABLE credits",
        "LISTEN x",
        "GRANT SELECT ON credits TO PUBLIC",
        "ALTER ROLE CURRENT_USER PASSWORD 'x'",
        "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT set_config('role', 'none', false)",
        "SELECT set_config('role', session_user, true)",
        "SELECT set_config('role', 'postgres', false)",
        "SELECT set_config('session_authorization', session_user, false)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('session_replication_role', 'replica', false)",
        "SELECT query_to_xml('SET ROLE NONE', true, true, '')",
        "SELECT query_to_xml('RESET SESSION AUTHORIZATION', true, true, '')",
        "SELECT query_to_xml('DELETE FROM credits', true, true, '')",
        "SELECT query_to_xml('CREATE TABLE x (y int)', true, true, '')",
        "SELECT query_to_xml('COMMIT', true, true, '')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT pg_reload_conf()",
        "SELECT pg_rotate_logfile()",
        "SELECT pg_switch_wal()",
        "SELECT setval('imports_id_seq', 1)",
        "SELECT nextval('imports_id_seq')",
        "SELECT pg_temp.asked('SELECT title FROM credits', 9, 999)",
        "SELECT '{}'::int[] || repeat('[', 20000)::json::text::int",
        "SELECT repeat('[', 3000)::text || 1 / 0",
        "SELECT ARRAY[1]",
    ],
}


def test_what_is_no_reading_of_views_is_refused_and_does_nothing(engine: Engine) -> None:
    before = engine.everything()
    for sql in REFUSED_EVERYWHERE + REFUSED_BY[engine.kind]:
        assert engine.refused(sql) == REFUSED, sql
    assert engine.everything() == before


ENDLESS = {
    "sqlite": ["SELECT COUNT(*) FROM " + ", ".join(f"records r{at}" for at in range(25))],
    "postgresql": [
        "SELECT COUNT(*) FROM " + ", ".join(f"records r{at}" for at in range(25)),
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false) FROM records UNION ALL SELECT pg_sleep(60)::text",
        "SELECT query_to_xml('SELECT pg_sleep(60)', true, true, '')::text",
        "SELECT generate_series(1, 1000000000000)",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT COUNT(*) FROM r",
    ],
}


def test_what_never_ends_is_ended(engine: Engine) -> None:
    for sql in ENDLESS[engine.kind]:
        assert engine.refused(sql, seconds=0.3) == TOO_SLOW, sql


def test_what_is_too_long_is_refused(engine: Engine) -> None:
    long = "SELECT " + " || ".join(["'" + "长" * 500 + "'"] * 12) + " AS x FROM records a, records b"
    assert engine.refused(long) == TOO_LONG
    if engine.kind == "postgresql":
        assert engine.refused("SELECT repeat('x', 3000000)") == TOO_LONG


def test_what_a_query_leaves_in_its_session_ends_with_it(engine: Engine) -> None:
    """A lock that outlived it would keep every writer waiting."""
    if engine.kind == "sqlite":
        pytest.skip("nothing can be left")
    lock = "pg_advisory_lock(7)::text = ''"
    assert engine.tried(f"SELECT {lock} AS x") == "x 1 1"
    assert engine.control(f"SELECT set_config('lock_timeout', '20s', false), {lock}") == "[('20s', True)]"


# Conditions of every make.

TEXTS = st.sampled_from(["teacher_id", "name", "title", "unit", "status", "record_id"])
SAID = st.sampled_from(["T1", "T2", "毕然", "%", "T2-0", f"{EAST}/一小", "", "' OR ''='"]).map(
    lambda said: "'" + said.replace("'", "''") + "'"
)
WHOLE = st.sampled_from(["hours_hundredths", "year"])
ATOMS = st.one_of(
    st.builds("{} {} {}".format, TEXTS, st.sampled_from(["=", "<>", "<", ">=", "LIKE", "NOT LIKE"]), SAID),
    st.builds("{} {} {}".format, WHOLE, st.sampled_from(["=", "<", ">"]), st.integers(-1, 3000)),
    st.builds("{} IN (SELECT {} FROM {})".format, st.just("teacher_id"), st.just("teacher_id"), st.just("teachers")),
    st.builds("EXISTS (SELECT 1 FROM teachers AS t WHERE t.teacher_id {} {})".format, st.just("<>"), SAID),
    st.sampled_from(["reason IS NULL", "reason = 'x'", "1 = 1", "1 = 0", "record_id IN ('T2-0', 'T4-1')"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


@examples(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(condition=CONDITIONS, who=st.sampled_from([ONESELF, SCHOOL, TOWN]))
def test_no_condition_reaches_beyond_the_scope(condition: str, who: Scope, engine: Engine) -> None:
    mine = {"T1"} if who is ONESELF else {"T1", "T2"} if who is SCHOOL else {"T1", "T2", "T3"}
    found = query(engine.database, who, f"SELECT teacher_id FROM records WHERE {condition}")
    rest = query(engine.database, who, f"SELECT teacher_id FROM records WHERE ({condition}) IS NOT TRUE")
    assert {row[0] for row in (*found.rows, *rest.rows)} == mine
    assert found.total + rest.total == len(mine) * len(HOURS)


def test_every_table_about_people_hides_its_rows_from_all_but_its_owner(engine: Engine) -> None:
    if engine.kind == "sqlite":
        pytest.skip("SQLite has no roles")
    hidden = "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace"
    with engine.database.read() as connection:
        public = set(Base.metadata.tables) - set(connection.scalars(text(hidden)))
    assert public == {"units", "policies", "clauses", "originals", "revisions"}


# Where nothing can be asked.


def test_a_database_in_memory_can_t_be_asked() -> None:
    with closing(Database("sqlite://")) as database, pytest.raises(Unavailable, match="内存"):
        query(database, ONESELF, "SELECT 1")


def test_a_file_that_is_gone_is_an_outage(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(Database(f"sqlite:///{file}")) as database:
        file.unlink()
        with pytest.raises(Unavailable) as error:
            query(database, ONESELF, "SELECT * FROM records")
    assert "x.db" not in str(error.value)


def test_without_the_right_to_make_roles_an_administrator_is_told_what_to_do(postgres_url: str) -> None:
    mine = "SELECT name FROM teachers"
    with installed(postgres_url) as (address, superuser), closing(Database(address)) as database:
        fill(database)
        with pytest.raises(Unavailable, match="CREATE ROLE") as error:
            query(database, ONESELF, mine)
        with administered(superuser) as run:
            run(str(error.value).partition("执行：")[2].rpartition(";")[0])
            assert query(database, ONESELF, mine).rows == [["安可"]]


@pytest.mark.parametrize(
    "right", ["SELECT ON teachers TO {}", "SELECT (name) ON teachers TO {}", "SELECT ON teachers TO PUBLIC"]
)
def test_a_role_that_was_given_rights_is_not_used_and_would_see_no_row(right: str, postgres_url: str) -> None:
    mine = "SELECT name FROM teachers"
    with installed(postgres_url, "CREATEROLE") as (address, superuser), closing(Database(address)) as database:
        fill(database)
        assert query(database, ONESELF, mine).rows == [["安可"]]
        owner = make_url(address).username
        right = right.format(f"{owner}_reader")
        with administered(superuser) as run:
            run(f"GRANT {right}")
            with pytest.raises(Unavailable, match="收回"):
                query(database, ONESELF, mine)
            run(f"SET ROLE {owner}_reader")
            assert run("SELECT COUNT(name) FROM teachers") == 0
            run("RESET ROLE")
            run(f"REVOKE {right.replace(' TO ', ' FROM ')}")
        assert query(database, ONESELF, mine).rows == [["安可"]]
