"""What an administrator may write by importing: rows of their own unit and below, before and after."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from assistant.identity import Account, Role, holds
from assistant.store.loading import COLUMNS, KEY_WIDTH, REFERENCES, Kind, Row, Stored, Value

_RANK = {role: rank for rank, role in enumerate(Role)}  # from the lowest


class Reach:
    """Whether rows lie within an account's reach. Nobody's reach: an account that administers nothing."""

    def __init__(self, connection: Connection, account: Account) -> None:
        self._stored = Stored(connection, write=False)
        self._unit = account.scope.unit
        self._rank = _RANK[account.role]

    def outside(self, kind: Kind, rows: Sequence[Row], homes: Mapping[Value, Value] | None = None) -> list[bool]:
        """Of every row, whether it or the stored one of its key lies outside.

        `homes`: teacher → unit, as they will be. A reference to nothing lies outside as well: nobody can tell which.
        """
        width = KEY_WIDTH[kind]
        before = self._stored.existing(kind, {row[:width] for row in rows})
        every = [(row, before.get(row[:width], row)) for row in rows]
        teachers = self._teachers(kind, [row for pair in every for row in pair])
        return [any(not self._reaches(kind, row, teachers, homes or {}) for row in pair) for pair in every]

    def _teachers(self, kind: Kind, rows: Sequence[Row]) -> Mapping[Value, Value]:
        """The stored units of the teachers that rows name."""
        names = [name for name, target in REFERENCES[kind].items() if target == "teachers"]
        wanted = {(row[COLUMNS[kind].index(name)],) for name in names for row in rows}
        found = self._stored.existing("teachers", wanted)
        return {key[0]: row[COLUMNS["teachers"].index("unit")] for key, row in found.items()}

    def _reaches(self, kind: Kind, row: Row, teachers: Mapping[Value, Value], homes: Mapping[Value, Value]) -> bool:
        named = dict(zip(COLUMNS[kind], row, strict=False))
        if kind == "units" and (named["unit"] == self._unit or not self._holds(named["unit"])):
            return False
        if kind == "accounts" and self.is_too_high(named["role"]):
            return False
        for name, target in REFERENCES[kind].items():
            value = named[name]
            if value is None:
                continue
            places = {value} if target == "units" else {teachers.get(value), homes.get(value)} - {None}
            # A teacher whose row is at fault stands nowhere yet, which is told of that row alone.
            if not (places or value in homes) or not all(map(self._holds, places)):
                return False
        return True

    def is_too_high(self, role: Value) -> bool:
        """Whether a role is as high as the account's own, or higher."""
        return role is not None and _RANK[Role(str(role))] >= self._rank

    def _holds(self, unit: Value) -> bool:
        return unit is None or (self._unit is not None and holds(self._unit, str(unit)))
