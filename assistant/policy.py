"""A policy and its clauses."""

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TextKind = Literal["digest", "original"]


class Clause(BaseModel):
    """The smallest numbered part of a policy. `locator` is its path of numbers, `heading` the heading's own words."""

    model_config = ConfigDict(frozen=True)

    locator: str
    heading: str
    text: str

    @cached_property
    def sha256(self) -> str:
        """Of the text as stored, UTF-8, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def quotable(self) -> str:
        """What may be quoted: the text, or the heading where there is none."""
        return self.text or self.heading


class PolicyMeta(BaseModel):
    """The front matter of `policy.md`. `contact` is the locator of the clause that names the office to ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = Field(min_length=1)
    number: str | None = None
    issuer: str = Field(min_length=1)
    unit: str = Field(pattern=r"^[^/\s]+(/[^/\s]+)*$")
    issued_on: date | None = None
    effective_from: date
    effective_to: date | None = None
    text: TextKind
    source: str
    contact: str | None = None


class Policy(BaseModel):
    """A policy as read: metadata and clauses in order."""

    meta: PolicyMeta
    clauses: Sequence[Clause]

    def clause(self, locator: str) -> Clause | None:
        """The clause at `locator`."""
        return next((clause for clause in self.clauses if clause.locator == locator), None)
