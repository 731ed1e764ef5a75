"""Whether words are somebody's name, whosever: for refusing texts alone. Nothing of it is ever told to anybody."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from assistant.store.tables import Teacher


def names_among(connection: Connection, words: Collection[str]) -> set[str]:
    """Those of `words`, a few hundred at most, that are the name of a teacher."""
    if not words:
        return set()
    return set(connection.execute(select(Teacher.name).where(Teacher.name.in_(words))).scalars())
