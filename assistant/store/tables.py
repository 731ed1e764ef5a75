"""The tables. Hours are whole hundredths and amounts whole fen, so that every sum is exact on every database."""

from datetime import date
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}


class Base(DeclarativeBase):
    """Root of the models; the naming convention lets migrations find every constraint."""

    metadata = MetaData(naming_convention=_NAMES)


# Paths compare byte by byte, so that "a unit and below" is one stretch of an index on every database.
_PATH = String(300).with_variant(String(300, collation="C"), "postgresql")


class Unit(Base):
    """A place in the administrative tree, written as its path."""

    __tablename__ = "units"
    unit: Mapped[str] = mapped_column(_PATH, primary_key=True)
    level: Mapped[str] = mapped_column(String(20))
    import_id: Mapped[int | None]


class Teacher(Base):
    """A teacher of a school."""

    __tablename__ = "teachers"
    teacher_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    unit: Mapped[str] = mapped_column(ForeignKey("units.unit"))
    stage: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(100))
    employed_from: Mapped[date]
    employed_to: Mapped[date | None]
    import_id: Mapped[int | None]

    # Who belongs to a unit on a day: the table itself is not read for it.
    __table_args__ = (Index("ix_teachers_staff", "unit", "employed_from", "employed_to", "teacher_id"),)


class Credit(Base):
    """One record of hours; `hours` in hundredths."""

    __tablename__ = "credits"
    record_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    teacher_id: Mapped[str] = mapped_column(ForeignKey("teachers.teacher_id"))
    title: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(20))
    organiser: Mapped[str] = mapped_column(String(20))
    hours: Mapped[int]
    completed_on: Mapped[date]
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[int | None]

    # All that a verdict needs: the table itself is not read for one. On PostgreSQL, `kind` stands in it for the three
    # texts: a generated column of status, category and organiser as one number (migration 0007), for sums of everyone.
    # SQLite would read the table for a generated column, indexed or not.
    __table_args__ = (
        Index("ix_credits_verdict", "teacher_id", "completed_on", "status", "category", "organiser", "hours"),
    )


class Budget(Base):
    """A unit's amounts of a year, in fen; empty where not applicable or not reported."""

    __tablename__ = "budgets"
    unit: Mapped[str] = mapped_column(ForeignKey("units.unit"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    public_funds: Mapped[int | None] = mapped_column(BigInteger)
    training_spend: Mapped[int | None] = mapped_column(BigInteger)
    payroll: Mapped[int | None] = mapped_column(BigInteger)
    training_appropriation: Mapped[int | None] = mapped_column(BigInteger)
    import_id: Mapped[int | None]


class AccountRow(Base):
    """Who may sign in, and as what."""

    __tablename__ = "accounts"
    account: Mapped[str] = mapped_column(String(100), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    teacher_id: Mapped[str | None] = mapped_column(ForeignKey("teachers.teacher_id"))
    unit: Mapped[str | None] = mapped_column(ForeignKey("units.unit"))
    wecom_userid: Mapped[str | None] = mapped_column(String(100))
    import_id: Mapped[int | None]

    # The case of a member's name makes no difference.
    __table_args__ = (Index("ix_accounts_member", func.lower(wecom_userid)),)


class Import(Base):
    """One import of record files: who, when (seconds since the epoch, UTC), and what became of each file.

    `account` is None for the command line. A row of the record tables names in `import_id` the import that wrote it.
    """

    __tablename__ = "imports"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str | None] = mapped_column(String(100))
    made_at: Mapped[float]
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    undone_at: Mapped[float | None]
    undone_by: Mapped[str | None] = mapped_column(String(100))


class Former(Base):
    """What a row was before an import changed it, by `kind` and key: what undoing the import puts back."""

    __tablename__ = "formers"
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    row: Mapped[list[Any]] = mapped_column(JSON)


class Standing(Base):
    """A teacher's hours of a year as last computed, in hundredths, under the rules and period that `stamp` names.

    `short` of a category: by how much its minimum is missed. Of the calendar year are `in_year`, the records of any
    status, and `by` an organiser, the approved ones. Derived: deleted whenever what it is made of changes.
    """

    __tablename__ = "standings"
    teacher_id: Mapped[str] = mapped_column(ForeignKey("teachers.teacher_id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    stamp: Mapped[str] = mapped_column(String(64))
    records: Mapped[int]
    counted: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    pending: Mapped[int] = mapped_column(BigInteger)
    short_public: Mapped[int] = mapped_column(BigInteger)
    short_subject: Mapped[int] = mapped_column(BigInteger)
    short_elective: Mapped[int] = mapped_column(BigInteger)
    in_year: Mapped[int]
    by_nation: Mapped[int]
    by_province: Mapped[int]
    by_city: Mapped[int]
    by_office: Mapped[int]
    by_town: Mapped[int]
    by_school: Mapped[int]

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  found and written by its key alone


class PolicyRow(Base):
    """A policy as indexed. `sha256` is of its files; `indexed_with` names its vectors, empty until all are in place."""

    __tablename__ = "policies"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    meta: Mapped[dict[str, Any]] = mapped_column(JSON)
    rules: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sha256: Mapped[str] = mapped_column(String(64))
    indexed_with: Mapped[str] = mapped_column(Text)


class ClauseRow(Base):
    """A clause of a policy, `position` counted from 0 in the order of the text."""

    __tablename__ = "clauses"
    policy_id: Mapped[str] = mapped_column(ForeignKey("policies.id"), primary_key=True)
    locator: Mapped[str] = mapped_column(String(200), primary_key=True)
    position: Mapped[int]
    heading: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(10), server_default="digest")
    sha256: Mapped[str] = mapped_column(String(64))


class Revision(Base):
    """A token that is another one after every change of what it is named for: `policies`."""

    __tablename__ = "revisions"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    token: Mapped[str] = mapped_column(String(64))


class OriginalRow(Base):
    """A policy's original as read, repaired and split; `sha256` is of all that it was made from."""

    __tablename__ = "originals"
    policy_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class Thread(Base):
    """A conversation, owned by one account."""

    __tablename__ = "threads"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(100), index=True)


class Turn(Base):
    """A question and, once there is one, its answer as sent. `asked_at` in seconds since the epoch, UTC.

    `outcome` is the answer's; `basis`: the records, rules and policy versions that it was made of.
    """

    __tablename__ = "turns"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.id"), index=True)
    account: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[float]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    outcome: Mapped[str | None] = mapped_column(String(20))
    basis: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    __table_args__ = (Index(None, "account", "asked_at"), Index(None, "outcome", "asked_at"))


class SpentRow(Base):
    """A question whose thread was deleted within a minute: it counts to the rate limit. `asked_at` as a Turn's."""

    __tablename__ = "spent"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[float]

    __table_args__ = (Index(None, "account", "asked_at"),)


class RunRow(Base):
    """The answering of a question as a stream. Times in seconds since the epoch, UTC.

    `key`: the client's own name for the sending, so that it is sent once. `beat_at`: when the process that answers was
    last seen to live; `stopping`: it shall stop.
    """

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("turns.id"), index=True)
    account: Mapped[str] = mapped_column(String(100))
    key: Mapped[str | None] = mapped_column(String(255))
    beat_at: Mapped[float]
    ended_at: Mapped[float | None]
    stopping: Mapped[bool]

    __table_args__ = (Index(None, "account", "key", unique=True),)


class RunEvent(Base):
    """An event of a run's stream as sent, `number` counted from 1; kept for some minutes after the run's end."""

    __tablename__ = "run_events"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[str] = mapped_column(Text)

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  found and written by its key alone


class Feedback(Base):
    """What an answer's owner thinks of it: `rating` up or down. `at` in seconds since the epoch, UTC."""

    __tablename__ = "feedback"
    answer_id: Mapped[str] = mapped_column(ForeignKey("turns.id"), primary_key=True)
    account: Mapped[str] = mapped_column(String(100), index=True)
    rating: Mapped[str] = mapped_column(String(10))
    comment: Mapped[str | None] = mapped_column(Text)
    at: Mapped[float]


class WeComAccess(Base):
    """A self-built app's access token, or why there is none; `app` is of its corp, its number and its secret.

    `failure` is WeCom's error code, 0: none, believed until `failed_until`. Times in seconds since the epoch, UTC.
    """

    __tablename__ = "wecom_access"
    app: Mapped[str] = mapped_column(String(64), primary_key=True)
    token: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[float]
    failure: Mapped[int]
    words: Mapped[str] = mapped_column(Text)
    failed_until: Mapped[float]


class WeComCallback(Base):
    """A callback of WeCom that was seen, by the SHA-256 of what names it; `at` in seconds since the epoch, UTC."""

    __tablename__ = "wecom_callbacks"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[float] = mapped_column(index=True)


class WeComInbox(Base):
    """A callback whose sender still waits for an answer, until it is answered. Times in seconds since the epoch, UTC.

    `asked`: what its door needs to answer it. `holder`: the process that does, while it says so, which it last did for
    the time until `held_until`.
    """

    __tablename__ = "wecom_inbox"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    door: Mapped[str] = mapped_column(String(10))
    userid: Mapped[str] = mapped_column(String(100))
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[float]
    holder: Mapped[str] = mapped_column(String(32))
    held_until: Mapped[float]


class WeComOutbox(Base):
    """A message to WeCom until it is sent, or given up. Times in seconds since the epoch, UTC.

    `way`: how it goes; `to`: what that calls its receiver. `repeatable`: WeCom shows it once however often it is sent.
    `due`: when it is to be sent, or, while it is `sending`, when whoever sends it must have died.
    """

    __tablename__ = "wecom_outbox"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    way: Mapped[str] = mapped_column(String(10))
    to: Mapped[str] = mapped_column(Text)
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    repeatable: Mapped[bool]
    at: Mapped[float]
    tries: Mapped[int]
    due: Mapped[float]
    sending: Mapped[bool]


class WeComId(Base):
    """The userid that WeCom said an encrypted id is of, at `at`, in seconds since the epoch, UTC."""

    __tablename__ = "wecom_ids"
    encrypted: Mapped[str] = mapped_column(String(100), primary_key=True)
    userid: Mapped[str] = mapped_column(String(100))
    at: Mapped[float]


class WeComTalk(Base):
    """The thread that an account's conversation in WeCom goes on in. The thread may be gone: its owner may delete it.

    `at`: when something was last asked in it, in seconds since the epoch, UTC.
    """

    __tablename__ = "wecom_talks"
    account: Mapped[str] = mapped_column(String(100), primary_key=True)
    talk: Mapped[str] = mapped_column(String(200), primary_key=True)
    thread_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[float]


class SessionRow(Base):
    """A session of the pages, by the SHA-256 of its id. Times in seconds since the epoch, UTC."""

    __tablename__ = "sessions"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(100))
    opened_at: Mapped[float]
    seen_at: Mapped[float]


class ReminderRow(Base):
    """When a teacher was last reminded, in seconds since the epoch, UTC; `off`: doesn't want to be.

    `sure`: whether it is known that the message went out; False while it does, and for good if that was cut short.
    """

    __tablename__ = "reminders"
    teacher_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    off: Mapped[bool]
    sent_at: Mapped[float | None]
    sure: Mapped[bool]


class AuditRow(Base):
    """Who saw or did what. `at` in seconds since the epoch, UTC.

    `account`: None for the command line. `teacher_id`: whose records; `unit`: of which unit all teachers'. `subject`:
    which import, and the like; `request`: the request, as the log names it. Of whoever was erased stands `-`. Only
    added to: the database refuses other changes (migration 0012).
    """

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    act: Mapped[str] = mapped_column(String(20))
    account: Mapped[str | None] = mapped_column(String(100))
    teacher_id: Mapped[str | None] = mapped_column(String(100))
    unit: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(100))
    request: Mapped[str | None] = mapped_column(String(64))
