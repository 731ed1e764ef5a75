"""Who is asking, and what that lets them see.

Roles and records are looked up on the server; nothing here is ever read from a token's claims, a URL or a question.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """Roles of `accounts.csv`."""

    TEACHER = "teacher"
    SCHOOL_ADMIN = "school_admin"
    TOWN_ADMIN = "town_admin"
    COUNTY_ADMIN = "county_admin"
    CITY_ADMIN = "city_admin"


# By which units a report is broken down; `teacher`: one by one.
Level = Literal["teacher", "school", "town", "county", "city"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose records a query may touch: one's own (`teacher_id`) and, for administrators, those of a unit and below.

    Every query on records takes one, and only `Account.scope` makes them.
    """

    teacher_id: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """A registered account. `unit` is the administrator's unit; `place` is where its holder works."""

    name: str
    role: Role
    teacher_id: str | None
    unit: str | None
    place: str

    @property
    def scope(self) -> Scope:
        """What this account may see."""
        return Scope(self.teacher_id, None if self.role is Role.TEACHER else self.unit)


def holds(unit: str, place: str) -> bool:
    """Whether `place` is `unit` or lies below it in the administrative tree."""
    return place == unit or place.startswith(unit + "/")
