"""Sessions of the pages: who is signed in by a cookie. Of a session's id only its hash is kept, so that nobody who can
read the database can be somebody else."""

import secrets
import time
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, or_, select, update

from assistant.store.tables import SessionRow

# In seconds.
IDLE = 8 * 3600.0  # without a request; then the session is over,
LONGEST = 24 * 3600.0  # and so it is this long after signing in
_SEEN = 60.0  # how exactly it is known when a session was last used: a write a minute at most


def open_session(connection: Connection, account: str) -> str:
    """Begin a session of an account; its id, 256 random bits in letters. Those that are over are deleted."""
    session, now = secrets.token_urlsafe(32), time.time()
    over = or_(SessionRow.opened_at < now - LONGEST, SessionRow.seen_at < now - IDLE)
    connection.execute(delete(SessionRow).where(over))
    connection.execute(insert(SessionRow).values(hash=_hash(session), account=account, opened_at=now, seen_at=now))
    return session


def account_of(connection: Connection, session: str) -> tuple[str, bool] | None:
    """The account of a session, and whether its use should be noted by `touch`; None: it is over, or never was."""
    query = select(SessionRow.account, SessionRow.opened_at, SessionRow.seen_at)
    row = connection.execute(query.where(SessionRow.hash == _hash(session))).one_or_none()
    now = time.time()
    if row is None or row.opened_at < now - LONGEST or row.seen_at < now - IDLE:
        return None
    return row.account, row.seen_at < now - _SEEN


def touch(connection: Connection, session: str) -> None:
    """Note that a session is in use."""
    mine = update(SessionRow).where(SessionRow.hash == _hash(session))
    connection.execute(mine.values(seen_at=time.time()))


def close_session(connection: Connection, session: str) -> None:
    """End a session for good."""
    connection.execute(delete(SessionRow).where(SessionRow.hash == _hash(session)))


def _hash(session: str) -> str:
    # Random enough that a plain hash can't be turned round.
    return sha256(session.encode(errors="replace")).hexdigest()
