"""What WeCom's doors remember: access tokens, callbacks that were seen, encrypted ids, each member's conversation.

All times in seconds since the epoch, UTC.
"""

import hashlib
import time
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from assistant.store.tables import Thread, WeComAccess, WeComCallback, WeComId, WeComTalk

KEPT = 86_400.0  # a callback is remembered for so long
BELIEVED = 30 * 86_400.0  # so long an encrypted id is believed to be whose WeCom said it is: userids can be changed
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


def first(connection: Connection, key: str) -> str | None:
    """The name that a callback is known by from now on, for a day; None: it was seen before, by some process."""
    name = hashlib.sha256(key.encode(errors="replace")).hexdigest()  # harmless, whatever somebody wrote into it
    if connection.execute(select(WeComCallback.key).where(WeComCallback.key == name)).first():
        return None
    now = time.time()
    connection.execute(delete(WeComCallback).where(WeComCallback.at < now - KEPT))
    connection.execute(insert(WeComCallback).values(key=name, at=now))
    return name


def userid(connection: Connection, encrypted: str) -> str | None:
    """The userid that an encrypted id is of; None: it isn't known, or not any more."""
    query = select(WeComId.userid).where(WeComId.encrypted == encrypted, WeComId.at > time.time() - BELIEVED)
    return connection.execute(query).scalar_one_or_none()


def keep_userid(connection: Connection, encrypted: str, userid: str) -> None:
    """Take note of whose an encrypted id is."""
    connection.execute(delete(WeComId).where(WeComId.encrypted == encrypted))
    connection.execute(insert(WeComId).values(encrypted=encrypted, userid=userid, at=time.time()))


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
