"""Units by the names that people use for them: within one's own, in one's city, and never beyond."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.bootstrap import Installation, install
from assistant.identity import holds
from assistant.settings import Settings
from assistant.store.units import called, lies_in, vocabulary
from ingest.records import load_records

CITY = "广东省/东莞市"
GUANCHENG, HUMEN = f"{CITY}/莞城街道", f"{CITY}/虎门镇"
PRIMARY, EXPERIMENTAL = f"{GUANCHENG}/莞城中心小学", f"{GUANCHENG}/莞城实验中学"
HUMEN_PRIMARY, THIRD = f"{HUMEN}/虎门中心小学", f"{HUMEN}/虎门第三中学"


@pytest.mark.parametrize(
    ("said", "paths"),
    [
        (CITY, [CITY]),
        (f"{THIRD}/", [THIRD]),
        ("东莞市", [CITY]),
        ("东莞", [CITY]),
        ("虎门镇", [HUMEN]),
        ("虎门", [HUMEN]),
        ("莞城街道", [GUANCHENG]),
        ("莞城", [GUANCHENG]),
        ("虎门第三中学", [THIRD]),
        ("第三中学", [THIRD]),
        ("虎门三中", [THIRD]),
        ("三中", [THIRD]),
        (" 莞城中心小学 ", [PRIMARY]),
        ("中心小学", [HUMEN_PRIMARY, PRIMARY]),
        ("东莞市虎门镇虎门第三中学", [THIRD]),
        ("我想看虎门三中", [THIRD]),
        ("第四中学", []),
        ("青桐小学", []),
        ("育红小学", []),
        ("", []),
        ("%", []),
    ],
)
def test_the_units_that_words_name(said: str, paths: list[str], installation: Installation) -> None:
    with installation.database.read() as connection:
        assert called(connection, CITY, said) == sorted(paths)


@pytest.mark.parametrize(
    ("own", "said", "paths"),
    [
        (GUANCHENG, "虎门", []),
        (GUANCHENG, "虎门中心小学", []),
        (GUANCHENG, HUMEN_PRIMARY, []),
        (PRIMARY, HUMEN_PRIMARY, []),
        (GUANCHENG, HUMEN, []),
        (GUANCHENG, "三中", []),
        (GUANCHENG, "东莞", []),
        (GUANCHENG, "中心小学", [PRIMARY]),  # alone of its name here
        (HUMEN, "中心小学", [HUMEN_PRIMARY]),
        (PRIMARY, "莞城中心小学", [PRIMARY]),
        (PRIMARY, "莞城实验中学", []),
        (EXPERIMENTAL, PRIMARY, []),
        ("广东省/东莞市/莞城", "莞城中心小学", []),  # a part of a name is no unit
    ],
)
def test_what_lies_outside_one_s_own_unit_isn_t_called_anything(
    own: str, said: str, paths: list[str], installation: Installation
) -> None:
    with installation.database.read() as connection:
        assert called(connection, own, said) == paths


parts = st.sampled_from(
    ["东莞", "虎门", "镇", "莞城", "街道", "中心小学", "第三", "中学", "三中", "育红", "/", CITY, "%", "的"]
)


@given(said=st.text(max_size=40) | st.lists(parts, max_size=6).map("".join))
def test_whatever_is_said_stays_within(said: str, installation: Installation) -> None:
    with installation.database.read() as connection:
        within, around = called(connection, GUANCHENG, said), called(connection, CITY, said)
    assert all(holds(GUANCHENG, path) for path in within)
    assert all(holds(CITY, path) for path in around)


def test_the_vocabulary_names_the_city_s_units_and_no_others(installation: Installation) -> None:
    with installation.database.read() as connection:
        here, there = vocabulary(connection, PRIMARY), vocabulary(connection, "陕西省/渭南市/临渭区/育红小学")
        assert vocabulary(connection, THIRD) == vocabulary(connection, CITY) == here
    assert {here[name] for name in ("虎门镇", "虎门", "三中", "第三中学", "虎门三中")} == {HUMEN, THIRD}
    assert (here["东莞"], here["莞城"], here["莞城中心小学"]) == (CITY, GUANCHENG, PRIMARY)
    assert here["中心小学"] == "中心小学"  # two have it: which one is asked back
    assert there["育红小学"].startswith("陕西省/渭南市/")
    assert all(holds(CITY, path) or path in here for path in here.values())
    assert not here.keys() & {"渭南", "临渭", "育红小学", "广东", "陕西"}
    assert not there.keys() & here.keys()


def test_every_name_of_the_vocabulary_calls_its_unit(installation: Installation) -> None:
    with installation.database.read() as connection:
        for said, path in vocabulary(connection, CITY).items():
            found = called(connection, CITY, said)
            assert (found == [path]) if path != said else len(found) > 1 and said not in found, said


def test_a_unit_that_comes_later_is_in_the_vocabulary(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text(f"unit,level\n{HUMEN}/虎门第五小学,school\n", "utf-8")
    installation = install(settings)
    with installation.database.read() as connection:
        assert "虎门五小" not in vocabulary(connection, PRIMARY)
    load_records(installation.database, [file], settings.clock())
    with installation.database.read() as connection:
        assert vocabulary(connection, PRIMARY)["虎门五小"] == f"{HUMEN}/虎门第五小学"
        assert called(connection, HUMEN, "五小") == [f"{HUMEN}/虎门第五小学"]
        assert called(connection, GUANCHENG, "五小") == []
    installation.close()


@pytest.mark.parametrize(
    ("unit", "said", "lies"),
    [
        (THIRD, "虎门", True),
        (THIRD, "虎门镇", True),
        (THIRD, "三中", True),
        (THIRD, "东莞", True),
        (THIRD, CITY, True),
        (THIRD, HUMEN, True),
        (THIRD, "莞城", False),
        (THIRD, GUANCHENG, False),
        (THIRD, "虎", False),
        (THIRD, "", False),
        (HUMEN, "三中", False),  # the town doesn't lie in its school
        (PRIMARY, "中心小学", True),
        (HUMEN_PRIMARY, "中心小学", True),
        (PRIMARY, "广东省/东莞市/莞城", False),
        ("陕西省/渭南市/临渭区/育红小学", "渭南", True),
        ("陕西省/渭南市/临渭区/育红小学", "东莞", False),
    ],
)
def test_whether_a_unit_lies_in_what_is_named(unit: str, said: str, lies: bool) -> None:
    assert lies_in(unit, said) is lies
