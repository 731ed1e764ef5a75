"""WeCom's post: messages that aren't answered yet, and messages that are still to be sent.

Both are kept until they are done and then deleted, with what was asked and answered, so that no process that dies takes
any of them along. A message that came in is held by the process that answers it, as long as that says so; once it
doesn't, any other may take it over, and whichever has the answer first is the one that answers. All times in seconds
since the epoch, UTC.
"""

import secrets
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select, update

from assistant.store import wecom
from assistant.store.tables import WeComInbox, WeComOutbox

HELD = 20.0  # seconds; a process says again, well before, that it holds what it holds
LONGEST = 3600.0  # seconds that answering may take
SENDING = 120.0  # seconds; sending takes no longer


class Waiting(NamedTuple):
    """A message that is to be answered; `name`: as `take` gave it; `asked`: what its door put down."""

    name: str
    userid: str
    asked: dict[str, Any]
    at: float


class Letter(NamedTuple):
    """A message to be sent. `repeatable`: WeCom shows it once however often it is sent; `tries`: with this one."""

    id: str
    way: str
    to: str
    message: dict[str, Any]
    repeatable: bool
    at: float
    tries: int
    sending: bool


# Coming in.


def take(connection: Connection, key: str, door: str, holder: str, userid: str, asked: dict[str, Any]) -> str | None:
    """Take in a callback that is to be answered; its name. None: it was taken in before, by some process."""
    name = wecom.first(connection, key)
    if name is not None:
        now = time.time()
        values = {"key": name, "door": door, "userid": userid, "asked": asked, "at": now, "holder": holder}
        connection.execute(insert(WeComInbox).values(held_until=now + HELD, **values))
    return name


def note(connection: Connection, name: str, asked: dict[str, Any]) -> None:
    """Put down anew what a message's door needs to answer it, if it still waits for an answer."""
    connection.execute(update(WeComInbox).where(WeComInbox.key == name).values(asked=asked))


def hold(connection: Connection, holder: str) -> None:
    """Say that a process still answers what it holds; of what came an hour ago nobody believes that."""
    now = time.time()
    mine = update(WeComInbox).where(WeComInbox.holder == holder, WeComInbox.at > now - LONGEST)
    connection.execute(mine.values(held_until=now + HELD))


def answered(connection: Connection, names: Collection[str]) -> bool:
    """Whether any of some messages still waits for an answer; from now on none does: each is answered once."""
    return bool(connection.execute(delete(WeComInbox).where(WeComInbox.key.in_(names))).rowcount)


def let_go(connection: Connection, name: str) -> None:
    """Hold a message no longer: after a while it is anybody's."""
    mine = update(WeComInbox).where(WeComInbox.key == name)
    connection.execute(mine.values(holder="", held_until=time.time() + HELD))


def take_over(connection: Connection, doors: Collection[str], holder: str) -> list[tuple[str, Waiting]]:
    """The messages that came to these doors and that nobody holds any more, now held: each with its door, in order."""
    free = WeComInbox.door.in_(doors), WeComInbox.held_until < time.time()
    columns = WeComInbox.door, WeComInbox.key, WeComInbox.userid, WeComInbox.asked, WeComInbox.at
    rows = connection.execute(select(*columns).where(*free).order_by(WeComInbox.at)).all()
    if rows:
        connection.execute(update(WeComInbox).where(*free).values(holder=holder, held_until=time.time() + HELD))
    return [(door, Waiting(*found)) for door, *found in rows]


# Going out.


def post(connection: Connection, way: str, to: str, message: dict[str, Any], repeatable: bool, sending: bool) -> Letter:
    """Put down a message to be sent; `sending`: by the caller, at once."""
    now, tries = time.time(), int(sending)
    letter = Letter(secrets.token_hex(16), way, to, message, repeatable, now, tries, sending)
    connection.execute(insert(WeComOutbox).values(due=now + SENDING * sending, **letter._asdict()))
    return letter


def due(connection: Connection, ways: Collection[str]) -> Letter | None:
    """The message that has been due the longest of those that go these ways, now being sent; None: none is due.

    One that says so already was being sent when its process died: it may have arrived.
    """
    now = time.time()
    columns = [getattr(WeComOutbox, name) for name in Letter._fields]
    ready = WeComOutbox.way.in_(ways), WeComOutbox.due < now
    row = connection.execute(select(*columns).where(*ready).order_by(WeComOutbox.due).limit(1)).one_or_none()
    if row is None:
        return None
    letter = Letter._make(row)._replace(tries=row.tries + 1)
    values = {"due": now + SENDING, "sending": True, "tries": letter.tries}
    connection.execute(update(WeComOutbox).where(WeComOutbox.id == letter.id).values(values))
    return letter


def done(connection: Connection, letter: Letter) -> None:
    """Forget a message: it is sent, or given up."""
    connection.execute(delete(WeComOutbox).where(WeComOutbox.id == letter.id))


def put_off(connection: Connection, letter: Letter, pause: float) -> None:
    """Have a message sent again after a pause, in seconds; it certainly wasn't yet, or may be twice."""
    mine = update(WeComOutbox).where(WeComOutbox.id == letter.id)
    connection.execute(mine.values(due=time.time() + pause, sending=False))


# Looking without writing.


def is_held(connection: Connection, doors: Collection[str], holder: str) -> bool:
    """Whether there is anything to hold or to take over."""
    free = WeComInbox.door.in_(doors) & (WeComInbox.held_until < time.time())
    return bool(connection.scalar(select(exists().where((WeComInbox.holder == holder) | free))))


def is_due(connection: Connection, ways: Collection[str]) -> bool:
    """Whether there is anything to send."""
    ready = WeComOutbox.way.in_(ways) & (WeComOutbox.due < time.time())
    return bool(connection.scalar(select(exists().where(ready))))
