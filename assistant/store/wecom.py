"""What WeCom's doors remember: access tokens, the callbacks that were seen, and each member's conversation.

All times in seconds since the epoch, UTC.
"""

import hashlib
import time
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from assistant.store.tables import Thread, WeComAccess, WeComCallback, WeComTalk

KEPT = 86_400.0  # a callback is remembered for so long
LOST = 600.0  # a message not answered within it won't be: whoever was to answer has died
RESTED = 12 * 3600.0  # after such a silence a conversation begins anew


class Access(NamedTuple):
    """An app's access token and, until `failed_until`, why calls fail: WeCom's code, and how to mend it."""

    token: str | None = None
    expires_at: float = 0
    failure: int = 0
    words: str = ""
    failed_until: float = 0


def access(connection: Connection, app: str) -> Access:
    """What is known of an app's access token."""
    columns = [getattr(WeComAccess, name) for name in Access._fields]
    row = connection.execute(select(*columns).where(WeComAccess.app == app)).one_or_none()
    return Access() if row is None else Access._make(row)


def keep_access(connection: Connection, app: str, known: Access) -> None:
    """Take note of an app's access token, or of why there is none."""
    connection.execute(delete(WeComAccess).where(WeComAccess.app == app))
    connection.execute(insert(WeComAccess).values(app=app, **known._asdict()))


def first(connection: Connection, key: str, owed: str | None = None) -> bool:
    """Whether a callback is seen for the first time, by any process; from then on it has been, for a day.

    `owed`: the member who waits for an answer, until it is `settled`.
    """
    name = _name(key)
    if connection.execute(select(WeComCallback.key).where(WeComCallback.key == name)).first():
        return False
    now = time.time()
    connection.execute(delete(WeComCallback).where(WeComCallback.at < now - KEPT))
    connection.execute(insert(WeComCallback).values(key=name, at=now, owed=owed))
    return True


def settled(connection: Connection, key: str) -> bool:
    """Whether the answer to a callback was still owed; from now on it isn't, so that it is sent once."""
    owed = update(WeComCallback).where(WeComCallback.key == _name(key), WeComCallback.owed.is_not(None))
    return bool(connection.execute(owed.values(owed=None)).rowcount)


def lost(connection: Connection) -> list[str]:
    """The members whose messages nobody is answering any more, one for each message; they are owed nothing now."""
    given_up = WeComCallback.owed.is_not(None), WeComCallback.at < time.time() - LOST
    members = list(connection.execute(select(WeComCallback.owed).where(*given_up)).scalars())
    if members:
        connection.execute(update(WeComCallback).where(*given_up).values(owed=None))
    return [member for member in members if member]


def thread(connection: Connection, account: str, talk: str) -> str | None:
    """The thread that an account's conversation goes on in; None: it begins anew.

    `talk`: which conversation, of at most 200 characters, such as `app`.
    """
    query = select(WeComTalk.thread_id).join(Thread, Thread.id == WeComTalk.thread_id)
    mine = WeComTalk.account == account, WeComTalk.talk == talk, Thread.account == account
    return connection.execute(query.where(*mine, WeComTalk.at > time.time() - RESTED)).scalar_one_or_none()


def keep_thread(connection: Connection, account: str, talk: str, thread_id: str) -> None:
    """Have the account's conversation go on in this thread."""
    connection.execute(delete(WeComTalk).where(WeComTalk.account == account, WeComTalk.talk == talk))
    connection.execute(insert(WeComTalk).values(account=account, talk=talk, thread_id=thread_id, at=time.time()))


def _name(key: str) -> str:
    """Of one length and harmless, whatever somebody wrote into it."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
