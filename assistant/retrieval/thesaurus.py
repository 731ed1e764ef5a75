"""Words of the field that mean the same: `thesaurus.yaml`, everyday ones beside official ones."""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

THESAURUS = Path(__file__).parent / "thesaurus.yaml"


class Group(NamedTuple):
    """Words for one thing: those that a query says, and the others."""

    said: Sequence[str]
    other: Sequence[str]


@cache
def groups() -> Sequence[Sequence[str]]:
    """Every group of the thesaurus, in lower case."""
    listed: list[list[str]] = yaml.load(THESAURUS.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return [[word.lower() for word in group] for group in listed]


@lru_cache(maxsize=1000)
def groups_in(query: str) -> Sequence[Group]:
    """The groups that a query, in half-width forms and lower case, has a word of."""
    found = []
    for words in groups():
        said = [word for word in words if word in query]
        if said:
            found.append(Group(said, [word for word in words if word not in said]))
    return found
