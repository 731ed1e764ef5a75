"""The administrative tree by the names that people use for its places."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import accumulate

from sqlalchemy import Connection, Select, func, select

from assistant.identity import holds
from assistant.store.population import within
from assistant.store.tables import Unit

_SUFFIXES = ("街道", "镇", "区", "县", "市", "省")
_ORDINALS = "一二三四五六七八九十"
_AROUND = 2  # parts of a path: the city
_VOCABULARIES = 8  # cities kept ready


def called(connection: Connection, within_unit: str, said: str) -> list[str]:
    """The units of a unit, itself among them, that words name: several where they don't tell which, none if none does.

    A path, a name, the end of one (第三中学), a short form of it (虎门, 三中), or words that end in a name. A path
    names nothing but itself, and of words only a name with its town's is taken: another town may have a 中心小学, too.
    """
    query = select(Unit.unit).where(within(within_unit, Unit.unit)).order_by(Unit.unit)
    paths = {path: set(_names(path)) for path in connection.execute(query).scalars()}
    said = said.strip().strip("/")
    if said in paths or "/" in said:
        return [said] if said in paths else []
    if found := [path for path, names in paths.items() if said == _last(path)]:
        return found
    if found := [path for path, names in paths.items() if said in names]:
        return found
    whole = {path: _forms(_last(path)) for path in paths}
    ends = {path: max((len(name) for name in names if said.endswith(name)), default=0) for path, names in whole.items()}
    longest = max(ends.values(), default=0)
    return [path for path, length in ends.items() if length == longest] if longest else []


def vocabulary(connection: Connection, place: str) -> Mapping[str, str]:
    """Of every way to name a unit of a place's city: its path, or the name itself where several have it."""
    city = "/".join(place.split("/")[:_AROUND])
    stamp = connection.execute(_stamp(city)).one()
    key = str(connection.engine.url), city, *stamp
    if (known := _known.get(key)) is None:
        known = _known[key] = _vocabulary(
            connection.execute(select(Unit.unit).where(within(city, Unit.unit))).scalars()
        )
        while len(_known) > _VOCABULARIES:
            _known.pop(next(iter(_known)))
    return known


@lru_cache(_VOCABULARIES)
def _stamp(city: str) -> Select[int, int | None]:
    return select(func.count(), func.max(Unit.import_id)).where(within(city, Unit.unit))


_known: dict[tuple[object, ...], Mapping[str, str]] = {}


def _vocabulary(paths: Iterable[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        for name in _names(path):
            found[name] = path if found.get(name, path) == path else name
    return found


def lies_in(unit: str, said: str) -> bool:
    """Whether a unit is, or lies in, one that words name."""
    above = accumulate(unit.split("/"), "{}/{}".format)
    return holds(said, unit) or any(said in _names(path) for path in above)


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


@lru_cache(maxsize=4096)
def _names(path: str) -> frozenset[str]:
    """The ways in which a unit may be called: its name, without its kind, without its town's name, abbreviated."""
    *above, name = path.split("/")
    names = {name}
    for one in above:
        if len(_bare(one)) > 1 and name.startswith(_bare(one)) and len(name) > len(_bare(one)) + 2:
            names.add(name.removeprefix(_bare(one)))
    return frozenset(form for one in names for form in _forms(one))


def _forms(name: str) -> set[str]:
    """A name, without its kind, abbreviated."""
    return {form for one in (name, _bare(name)) for form in (one, *_abbreviated(one)) if len(form) > 1}


def _bare(name: str) -> str:
    """The name without its kind."""
    return next((name.removesuffix(one) for one in _SUFFIXES if name.endswith(one) and len(name) > 2), name)


def _abbreviated(name: str) -> list[str]:
    """第三中学 is called 三中, 第一小学 一小."""
    return [
        name.replace(f"第{number}{kind}", f"{number}{kind[0]}")
        for number in _ORDINALS
        for kind in ("中学", "小学", "高中")
        if f"第{number}{kind}" in name
    ]
