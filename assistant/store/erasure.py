"""Erasing: all that is kept of one person, or all conversations older than some days. Wholly, or not at all."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Text, cast, delete, func, or_, select, update

from assistant.errors import InputError
from assistant.store import audit
from assistant.store.audit import ERASED, KEPT, Act
from assistant.store.database import Database
from assistant.store.loading import COLUMNS, Kind, chunks
from assistant.store.tables import (
    AccountRow,
    AuditRow,
    Base,
    Credit,
    Feedback,
    Former,
    Import,
    ReminderRow,
    RunEvent,
    RunRow,
    SessionRow,
    SpentRow,
    Standing,
    Teacher,
    Thread,
    Turn,
    WeComCallback,
    WeComId,
    WeComInbox,
    WeComOutbox,
    WeComTalk,
)

_DAY = 86400.0
_LATE = 600.0  # seconds: an answer is kept that long after its question at the latest
_ID = re.compile("[A-Za-z0-9_-]+")  # whatever may be the id of an answer
_AT_ONCE = 100  # words in one search: SQLite nests no more than a thousand conditions


class Erasure(BaseModel):
    """What was erased, or would be: rows by table. `others`: of the turns, those of other people, who had asked."""

    dry_run: bool
    rows: dict[str, int]
    others: int = 0


class _Person(NamedTuple):
    """Whom all that is to be erased is of.

    `numbers`: as a teacher, one or none; `names`: none where others have it, too; `records`: their numbers. Lists all:
    nothing that is missing may be taken for what nobody has.
    """

    numbers: Sequence[str]
    names: Sequence[str]
    accounts: Sequence[str]
    userids: Sequence[str]
    records: Sequence[str]

    @property
    def words(self) -> list[str]:
        """What tells of the person wherever it stands: no figure that could be anything else."""
        every = [*self.names, *self.numbers, *self.accounts, *self.userids, *self.records]
        return [word for word in every if len(word) > 1 and not (word.isdigit() and len(word) < 6)]

    @property
    def members(self) -> list[str]:
        """The same of every number, as members of the JSON that is kept of answers."""
        told = [("teacher_id", number) for number in self.numbers] + [("record_id", number) for number in self.records]
        return [json.dumps({name: value})[1:-1] for name, value in told]


def erase_person(database: Database, who: str, dry_run: bool) -> Erasure:
    """Erase whoever has this teacher number or account. InputError: nobody has, or two people."""
    # All that others asked is gone through while they go on asking; only what has come since, while they wait.
    since = time.time() - _LATE
    with database.read() as reader:
        known = _others(reader, _person(reader, who))

    def erased(connection: Connection) -> Erasure:
        person = _person(connection, who)
        others = known | _others(connection, person, since)
        own = connection.execute(select(Turn.id).where(Turn.account.in_(person.accounts))).scalars().all()
        rows = _letters(connection, person, {*own, *others})
        rows += _conversations(connection, Turn.account.in_(person.accounts))
        for some in chunks(others):
            rows += _conversations(connection, Turn.id.in_(some))
        rows += _traces(connection, person) + _records(connection, person)
        if not +rows:
            raise InputError(f"没有编号或账号为 {who[:40]} 的人，也没有与之有关的内容。")
        return Erasure(dry_run=dry_run, rows=dict(+rows), others=len(others))

    return _done(database, dry_run, erased)


def erase_older(database: Database, days: int, dry_run: bool) -> Erasure:
    """Erase what was asked, answered and noted more than some days ago; audit lines are kept for half a year at least.

    Records of hours and imports stay.
    """
    until, kept = time.time() - days * _DAY, time.time() - (max(days, KEPT) + 1) * _DAY

    def erased(connection: Connection) -> Erasure:
        rows = _conversations(connection, Turn.asked_at < until)
        rows += _deleted(connection, SessionRow, SessionRow.seen_at < until)
        rows += _deleted(connection, SpentRow, SpentRow.asked_at < until)
        rows += _deleted(connection, WeComTalk, WeComTalk.at < until)
        for table in (WeComCallback, WeComInbox, WeComOutbox, WeComId):
            rows += _deleted(connection, table, table.at < until)
        rows += _deleted(connection, AuditRow, AuditRow.at < kept)
        return Erasure(dry_run=dry_run, rows=dict(+rows))

    return _done(database, dry_run, erased)


def _done(database: Database, dry_run: bool, erased: Callable[[Connection], Erasure]) -> Erasure:
    """A dry run does all of it, too, and takes it back."""
    with database.write() as connection:
        attempt = connection.begin_nested()
        found = erased(connection)
        if dry_run:
            attempt.rollback()
        else:
            attempt.commit()
            audit.note(connection, Act.ERASE, None)
    return found


def _person(connection: Connection, who: str) -> _Person:
    holder = connection.execute(select(AccountRow.teacher_id).where(AccountRow.account == who)).one_or_none()
    teacher = connection.execute(select(Teacher.name).where(Teacher.teacher_id == who)).one_or_none()
    if teacher and holder and holder.teacher_id != who:
        raise InputError(f"{who[:40]} 既是一位教师的编号，又是另一个人的账号：请给出要删除的那个人的另一个。")
    numbers = [who] if teacher else [holder.teacher_id] if holder and holder.teacher_id else []
    held = or_(AccountRow.account == who, AccountRow.teacher_id.in_(numbers))
    accounts = connection.execute(select(AccountRow.account, AccountRow.wecom_userid).where(held)).all()
    records = connection.execute(select(Credit.record_id).where(Credit.teacher_id.in_(numbers))).scalars().all()
    mine = select(Teacher.name).where(Teacher.teacher_id.in_(numbers))
    shared = select(Teacher.name).where(Teacher.teacher_id.not_in(numbers))
    names = connection.execute(mine.where(Teacher.name.not_in(shared))).scalars().all()
    # An account that is gone may have left something behind.
    known = {row.account for row in accounts} | (set() if teacher else {who})
    return _Person(numbers, names, sorted(known), [row.wecom_userid for row in accounts if row.wecom_userid], records)


def _others(connection: Connection, person: _Person, since: float = 0.0) -> set[str]:
    """The turns of other people, asked from a time on, that tell of the person."""
    told = [cast(Turn.answer, Text), cast(Turn.basis, Text)]
    found = set[str]()
    for some in _parts([*map(_in_json, person.words), *person.members]):
        holding = or_(*(column.contains(word, autoescape=True) for column in told for word in some))
        found.update(_told_of(connection, person, (Turn.asked_at >= since) & holding))
    for some in _parts(person.words):
        holding = or_(*(Turn.question.icontains(word, autoescape=True) for word in some))
        found.update(_told_of(connection, person, (Turn.asked_at >= since) & holding))
    return found


def _told_of(connection: Connection, person: _Person, holding: ColumnElement[bool]) -> Iterator[str]:
    """Of the turns that hold something like it, those that do."""
    alone = _alone(person.words)
    query = select(Turn.id, Turn.question, Turn.answer, Turn.basis).where(holding, Turn.account.not_in(person.accounts))
    for row in connection.execute(query):
        kept = json.dumps([row.answer, row.basis], ensure_ascii=False)
        exact = json.dumps([row.answer, row.basis])
        if alone.search(f"{row.question}\n{kept}") or any(member in exact for member in person.members):
            yield row.id


def _conversations(connection: Connection, which: ColumnElement[bool]) -> Counter[str]:
    """Delete turns with all that hangs on them, and threads in which nothing is left."""
    answers = select(Turn.id).where(which)
    answering = select(RunRow.id).where(RunRow.answer_id.in_(answers))
    rows = _deleted(connection, RunEvent, RunEvent.run_id.in_(answering))
    rows += _deleted(connection, RunRow, RunRow.answer_id.in_(answers))
    rows += _deleted(connection, Feedback, Feedback.answer_id.in_(answers))
    rows += _deleted(connection, Turn, which)
    return rows + _deleted(connection, Thread, Thread.id.not_in(select(Turn.thread_id)))


def _letters(connection: Connection, person: _Person, answers: Set[str]) -> Counter[str]:
    """Delete what WeCom's post holds of the person, whoever it goes to: what tells of them, or of such an answer."""
    userids = [userid.lower() for userid in person.userids]
    ids = func.lower(WeComId.userid).in_(userids)
    also = connection.execute(select(WeComId.encrypted).where(ids)).scalars().all()
    rows = _deleted(connection, WeComInbox, func.lower(WeComInbox.userid).in_([*userids, *map(str.lower, also)]))
    alone = _alone(person.words)

    def tells(document: Any) -> bool:
        text = json.dumps(document, ensure_ascii=False)
        return bool(alone.search(text)) or not answers.isdisjoint(_ID.findall(text))

    asked = select(WeComInbox.key, WeComInbox.asked)
    heard = [row.key for row in connection.execute(asked) if tells(row.asked)]
    for some in chunks(heard):
        rows += _deleted(connection, WeComInbox, WeComInbox.key.in_(some))
    posted = select(WeComOutbox.id, WeComOutbox.to, WeComOutbox.message)
    told = [row.id for row in connection.execute(posted) if row.to.lower() in userids or tells(row.message)]
    for some in chunks(told):
        rows += _deleted(connection, WeComOutbox, WeComOutbox.id.in_(some))
    return rows + _deleted(connection, WeComId, ids)


def _records(connection: Connection, person: _Person) -> Counter[str]:
    """Delete what was imported of the person; what refers to something goes first."""
    rows = _formers(connection, person)
    for table, column in ((Standing, Standing.teacher_id), (Credit, Credit.teacher_id)):
        rows += _deleted(connection, table, column.in_(person.numbers))
    rows += _deleted(connection, ReminderRow, ReminderRow.teacher_id.in_(person.numbers))
    rows += _deleted(connection, AccountRow, AccountRow.account.in_(person.accounts))
    return rows + _deleted(connection, Teacher, Teacher.teacher_id.in_(person.numbers))


def _formers(connection: Connection, person: _Person) -> Counter[str]:
    """Delete what rows of the person's were before imports changed them."""
    own = {*person.accounts, *person.numbers}
    query = select(Former.import_id, Former.position, Former.kind, Former.row)
    query = query.where(or_(*(cast(Former.row, Text).contains(json.dumps(word), autoescape=True) for word in own)))
    rows = Counter[str]()
    kind: Kind
    for number, position, kind, row in connection.execute(query).all():
        if own & {value for name, value in zip(COLUMNS[kind], row, strict=False) if name in ("teacher_id", "account")}:
            rows += _deleted(connection, Former, (Former.import_id == number) & (Former.position == position))
    return rows


def _traces(connection: Connection, person: _Person) -> Counter[str]:
    """Delete what is left of the person beside records and conversations; where a line stays, it names nobody."""
    rows = _deleted(connection, SessionRow, SessionRow.account.in_(person.accounts))
    rows += _deleted(connection, SpentRow, SpentRow.account.in_(person.accounts))
    rows += _deleted(connection, WeComTalk, WeComTalk.account.in_(person.accounts))
    for column in (Import.account, Import.undone_by, AuditRow.account):
        connection.execute(update(column.class_).where(column.in_(person.accounts)).values({column.key: ERASED}))
    mine = update(AuditRow).where(AuditRow.teacher_id.in_(person.numbers))
    connection.execute(mine.values(teacher_id=ERASED))
    alone = _alone(person.words)
    for number, files in connection.execute(select(Import.id, Import.files)).all():
        told = json.dumps(files, ensure_ascii=False)
        if alone.search(told):
            kept = json.loads(alone.sub(ERASED, told))
            connection.execute(update(Import).where(Import.id == number).values(files=kept))
    for some in _parts(person.words):
        said = or_(*(Feedback.comment.icontains(word, autoescape=True) for word in some))
        connection.execute(update(Feedback).where(said).values(comment=None))
    return rows


def _deleted(connection: Connection, table: type[Base], which: ColumnElement[bool]) -> Counter[str]:
    return Counter({table.__tablename__: connection.execute(delete(table).where(which)).rowcount})


def _alone(words: Sequence[str]) -> re.Pattern[str]:
    """Any of some words, where it is no part of a longer one in Latin letters and digits."""
    longest = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(_bounded, longest)) or "(?!)", re.IGNORECASE)


def _bounded(word: str) -> str:
    before = "(?<![A-Za-z0-9])" if word[0].isascii() and word[0].isalnum() else ""
    after = "(?![A-Za-z0-9])" if word[-1].isascii() and word[-1].isalnum() else ""
    return before + re.escape(word) + after


def _in_json(word: str) -> str:
    """A word as JSON is kept in the database."""
    return json.dumps(word)[1:-1]


def _parts(words: Sequence[str]) -> Iterator[Sequence[str]]:
    return (words[start : start + _AT_ONCE] for start in range(0, len(words), _AT_ONCE))
