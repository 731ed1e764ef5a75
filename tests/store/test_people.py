"""The scope in every query on records: one person sees nothing of the other, whatever is asked for."""

import pytest

from assistant.bootstrap import Installation
from assistant.identity import Scope
from assistant.store import people

ONESELF = Scope("T0001", None)
SCHOOL = Scope(None, "广东省/东莞市/莞城街道/莞城中心小学")


@pytest.mark.parametrize(
    ("scope", "seen", "unseen"),
    [
        (ONESELF, "T0001", "T0003"),
        (SCHOOL, "T0003", "T0004"),
        (Scope("T0004", SCHOOL.unit), "T0004", "T0005"),
        (Scope(None, "广东省/东莞市/莞城"), None, "T0001"),  # a part of a name is no unit
        (Scope(None, "广东省/%"), None, "T0001"),
        (Scope(None, None), None, "T0001"),
    ],
)
def test_what_is_outside_the_scope_is_not_there(
    scope: Scope, seen: str | None, unseen: str, installation: Installation
) -> None:
    with installation.database.read() as connection:
        if seen:
            assert people.teacher(connection, scope, seen)
            assert people.records(connection, scope, seen)
            assert people.teachers_called(connection, scope, seen)
        assert people.teacher(connection, scope, unseen) is None
        assert people.records(connection, scope, unseen) == []
        assert people.teachers_called(connection, scope, unseen) == []
