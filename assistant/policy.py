"""A policy and its clauses."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TextKind = Literal["digest", "original"]


@lru_cache(10_000)
def core(title: str) -> str:
    """What is left of a title without its issuer, and without the letter around it."""
    title = re.sub(r"\s", "", unicodedata.normalize("NFKC", title))
    if found := re.search(r"印发[<《](.+)[>》]", title):
        return found[1]
    return re.sub(r"的通知$", "", re.sub(r"^.*?关于", "", title))


class Clause(BaseModel):
    """The smallest numbered part of a policy. `locator` is its path of numbers, `heading` the heading's own words.

    `kind`: of a policy whose original is there, clauses that the original lacks are still the digest's.
    """

    model_config = ConfigDict(frozen=True)

    locator: str
    heading: str
    text: str
    kind: TextKind = "digest"

    @cached_property
    def sha256(self) -> str:
        """Of the text as stored, UTF-8, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def quotable(self) -> str:
        """What may be quoted: the text, or the heading where there is none."""
        return self.text or self.heading


class PolicyMeta(BaseModel):
    """The front matter of `policy.md`.

    `contact` is the locator of the clause that names the office to ask. `absent`: attachments that the text names and
    the corpus lacks. `supersedes` are the ids of the policies whose place this one takes, `repeals` the titles of those
    of its own unit that its text ends: each holds until the day before this one's `effective_from`.
    """

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
    absent: list[str] = []
    supersedes: list[str] = []
    repeals: list[str] = []

    def ends(self, other: "PolicyMeta") -> bool:
        """Whether this policy takes the other's place."""
        if self.unit != other.unit or self.id == other.id:
            return False
        return other.id in self.supersedes or any(core(title) == core(other.title) for title in self.repeals)


class Repair(BaseModel):
    """A change made to an original as it was read: what stood there, and what stands in the clause at `locator`.

    `position` counts characters from 0, `line` from 1. `inferred`: the characters of `after` that nothing proves.
    `locator` is None where the place is in no clause (a web page's furniture, the title).
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    position: int
    line: int
    before: str
    after: str
    inferred: str = ""
    locator: str | None = None


class Original(BaseModel):
    """The original text of a policy, as read from a file, repaired and split.

    `sha256` is of all that it was made from. `own`: the metadata of a policy that no folder of the corpus describes.
    """

    sha256: str
    file: str
    number: str | None
    issued_on: date | None
    clauses: Sequence[Clause]
    repairs: Sequence[Repair]
    warnings: Sequence[str]
    absent: Sequence[str]
    own: PolicyMeta | None = None


class Policy(BaseModel):
    """A policy as read: metadata and clauses in order."""

    meta: PolicyMeta
    clauses: Sequence[Clause]

    def clause(self, locator: str) -> Clause | None:
        """The clause at `locator`."""
        return next((clause for clause in self.clauses if clause.locator == locator), None)
