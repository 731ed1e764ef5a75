"""The sample records of the demo: invented people, schools, courses and budgets, the same bytes on every run.

`python -m evals.sample.generate [DIR]` rewrites the five record files beside this module, or writes them into DIR.

A *plan* says in one line what a teacher did in a year, item by item: a kind of course (in `material.KINDS`), its hours,
and a status where it is not 已审核. Hours are either written out, one record each (`市培 12+8`), or a range from which
a total is drawn and split into records (`市培 24-30`).
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate, product
from pathlib import Path
from random import Random
from typing import NamedTuple

from evals.sample import material

TODAY = date(2023, 11, 15)
APPROVED, PENDING, REJECTED = "已审核", "待审核", "已驳回"
DUPLICATE, *REASONS = "与已登记项目重复申报", "缺少结业证书", "材料上传不清晰", "学时与培训通知不一致"


class School(NamedTuple):
    unit: str
    stage: str
    headcount: int
    odds: material.YearsOdds


SCHOOLS = {
    "gczx": School("广东省/东莞市/莞城街道/莞城中心小学", "小学", 30, material.DONGGUAN),
    "gcsy": School("广东省/东莞市/莞城街道/莞城实验中学", "初中", 26, material.DONGGUAN),
    "hmzx": School("广东省/东莞市/虎门镇/虎门中心小学", "小学", 28, material.DONGGUAN),
    "hmsz": School("广东省/东莞市/虎门镇/虎门第三中学", "初中", 24, material.DONGGUAN),
    "yhxx": School("陕西省/渭南市/临渭区/育红小学", "小学", 5, material.WEINAN),
    "jyxx": School("山东省/淄博市/临淄区/稷园小学", "小学", 4, material.ELSEWHERE),
    "qtxx": School("江苏省/常州市/天宁区/青桐小学", "小学", 3, material.ELSEWHERE),
}
LEVELS = {"省": "province", "市": "city", "区": "county", "镇": "town", "街道": "town", "学": "school"}


class Case(NamedTuple):
    name: str
    school: str
    subject: str
    plan: str  # of 2023
    before: str = material.FULL_YEAR  # the plan of 2022
    earlier: str = ""  # the plan of 2021
    employed_from: date | None = None  # None: years ago, drawn
    employed_to: date | None = None


CASES = (
    # The demo's main person, above both caps: 78 of 90 counted, 12 remain, 9 if the pending course is approved.
    Case("林晓岚", "gczx", "语文", "公需 18+12, 市培 20, 镇培 8+6+6, 教研 4+4, 校本 6+4, 市培 3 待审核"),
    # Exactly at every minimum and at both caps; also the administrator of the school's records.
    Case("莫国栋", "gczx", "数学", "公需 30, 市培 12+12, 镇培 6+6, 教研 3+3, 校本 8+6+4"),
    # Two people of one name: one has met everything, the other is short of two categories.
    Case("陈静", "gczx", "英语", "公需 18+12, 市培 24+14, 镇培 8, 校本 10+10"),
    Case("陈静", "hmsz", "物理", "公需 18+6, 市培 24+12, 镇培 8, 校本 8+6"),
    # 96 hours in all and still short: hours beyond one category's minimum don't fill another.
    Case("袁慧敏", "gcsy", "数学", "公需 18+18, 市培 24+20, 镇培 6, 校本 6+4"),
    # Pending hours: with them all is met; they change nothing, for the cap on 镇级 is reached; there is nothing else.
    Case("卢志恒", "hmzx", "语文", "公需 30, 市培 20+10, 镇培 6+6, 校本 8+4, 校本 6 待审核"),
    Case("方婉仪", "hmzx", "美术", "公需 30, 市培 12+8, 镇培 6+6, 校本 10+8, 镇培 6 待审核"),
    Case("温嘉敏", "gcsy", "英语", "公需 18 待审核, 市培 12 待审核, 校本 6 待审核"),
    # Short by what was rejected; everything rejected.
    Case("尹佩文", "gcsy", "历史", "公需 18+12, 市培 16+8, 镇培 6+4, 校本 10+8, 市培 8 已驳回, 校本 4 已驳回"),
    Case("何伟强", "hmsz", "数学", "公需 18 已驳回, 市培 12 已驳回, 校本 6 已驳回"),
    # No records this year; none ever.
    Case("黎国强", "gczx", "体育", ""),
    Case("翟思琪", "hmsz", "地理", "", before="", employed_from=date(2022, 9, 1)),
    # Joined within the year and owe all of it: hardly begun, nearly done, nothing recorded.
    Case("钟子轩", "gczx", "体育", "公需 12, 镇培 4, 校本 6", employed_from=date(2023, 8, 28)),
    Case("苏绮琳", "hmsz", "语文", "公需 30, 市培 18+12, 镇培 5+3, 教研 4, 校本 6+4", employed_from=date(2023, 7, 10)),
    Case("梁志勇", "gcsy", "化学", "", employed_from=date(2023, 9, 1)),
    # Left within the year: no longer among the school's teachers.
    Case("谢玉兰", "gczx", "语文", "公需 18, 市培 12, 校本 6", employed_to=date(2023, 7, 14)),
    Case("罗建国", "hmsz", "历史", "公需 18+12, 市培 24+18, 校本 10+8", employed_to=date(2023, 8, 31)),
    # Above the cap on 镇级 and met; above the one on 市教研室 and short by it; above both, 94 recorded and 84 counted.
    Case("叶秋萍", "gczx", "科学", "公需 30, 市培 24+10, 镇培 8+6+4, 校本 10+8"),
    Case("邓文俊", "hmsz", "英语", "公需 18+12, 市培 20, 镇培 6+4, 教研 4+4+4, 校本 10+8"),
    Case("黄燕芬", "gcsy", "语文", "公需 30, 市培 18, 镇培 10+8, 教研 6+4, 校本 12+6"),
    # 镇级 hours in 公需科目 have no cap: met thanks to all 18 of them.
    Case("李泽华", "hmzx", "数学", "公需 12, 镇公需 10+8, 市培 24+10, 镇培 6+4, 校本 10+8"),
    # Short by a quarter of an hour; short of every category.
    Case("王雪莹", "hmzx", "英语", "公需 18+12, 市培 24+6, 镇培 7.25+4.5, 校本 8.5+6+3.5"),
    Case("张锐锋", "gczx", "信息科技", "公需 12, 市培 10, 镇培 4, 校本 6"),
)
BUDGET_COLUMNS = ("unit", "year", "public_funds", "training_spend", "payroll", "training_appropriation")
BUDGETS = (
    ("广东省/东莞市", 2023, "", "", 9_800_000_000, 200_900_000),
    ("广东省/东莞市/莞城街道", 2023, "", "", 186_000_000, 3_906_000),
    ("广东省/东莞市/虎门镇", 2023, "", "", 312_000_000, 5_616_000),  # 1.8%, below 2%
    ("广东省/东莞市/莞城街道/莞城中心小学", 2023, 3_200_000, 345_600, "", ""),
    ("广东省/东莞市/莞城街道/莞城实验中学", 2023, 2_850_000, 282_150, "", ""),  # 9.9%, below 10%
    ("广东省/东莞市/虎门镇/虎门中心小学", 2023, 3_600_000, 360_000, "", ""),  # 10% to the yuan
    ("广东省/东莞市/虎门镇/虎门第三中学", 2023, 4_100_000, "", "", ""),  # not reported
    ("陕西省/渭南市/临渭区/育红小学", 2023, 1_260_000, 64_260, "", ""),
)
ADMINS = (
    ("admin-guancheng", "town_admin", "", "广东省/东莞市/莞城街道", ""),
    ("admin-humen", "town_admin", "", "广东省/东莞市/虎门镇", ""),
    ("admin-dongguan", "city_admin", "", "广东省/东莞市", "DongguanAdmin"),
    ("admin-linwei", "county_admin", "", "陕西省/渭南市/临渭区", ""),
)
TEACHING_ADMINS = {"gczx": "T0002"}
WECOM_USERIDS = {"T0001": "LinXiaoLan", "T0003": "ChenJing", "T0004": "ChenJing2", "T0006": "LuZhiHeng"}


class Teacher(NamedTuple):
    teacher_id: str
    name: str
    unit: str
    stage: str
    subject: str
    employed_from: date
    employed_to: date | None


class Credit(NamedTuple):
    record_id: str
    teacher_id: str
    title: str
    category: str
    organiser: str
    hours: Decimal
    completed_on: date
    status: str
    reason: str


def drawn() -> Iterator[Case]:
    """The teachers that each school has besides the cases by hand."""
    rng = Random(20231115)
    pairs = product(material.SURNAMES.split(), material.GIVEN_NAMES.split())
    names = sorted({surname + given for surname, given in pairs} - {case.name for case in CASES})
    rng.shuffle(names)
    by_hand = Counter(case.school for case in CASES)
    for code, school in SCHOOLS.items():
        for _ in range(school.headcount - by_hand[code]):
            subject = rng.choice(material.SUBJECTS[school.stage].split())
            plan, before, earlier = (rng.choices(list(odds), list(odds.values()))[0] for odds in school.odds)
            yield Case(names.pop(), code, subject, plan, before, earlier)


def employ(number: int, case: Case) -> Teacher:
    rng = Random(number)
    joined = case.employed_from or date(rng.randint(1996, 2020), rng.choice((8, 9)), 1)
    school = SCHOOLS[case.school]
    return Teacher(f"T{number:04d}", case.name, school.unit, school.stage, case.subject, joined, case.employed_to)


def records(teacher: Teacher, year: int, plan: str) -> list[Credit]:
    """The year's records by date; nobody takes a course twice in a year, though some hand it in twice."""
    # A seed of each teacher's own: a change to one leaves the others as they are.
    rng = Random(f"{teacher.teacher_id} {year}")
    first = max(date(year, 1, 9), teacher.employed_from)
    last = min(date(year, 12, 22), teacher.employed_to or TODAY, TODAY)
    done: list[Credit] = []
    for item in plan.split(", ") if plan and first <= last else ():
        name, amount, status = (*item.split(), APPROVED)[:3]
        category, organisers, sessions = material.KINDS[name]
        for hours in split(amount, sessions, rng):
            # What is pending is recent.
            since = max(first, last - timedelta(days=40)) if status == PENDING else first
            day = since + timedelta(days=rng.randint(0, (last - since).days))
            courses = material.courses(name, teacher.subject, day) - {credit.title for credit in done}
            title, organiser = rng.choice(sorted(courses)), rng.choice(organisers.split())
            credit = Credit("", teacher.teacher_id, title, category, organiser, hours, day, status, "")
            done.append(rejected(credit, done, rng) if status == REJECTED else credit)
    done.sort(key=lambda credit: credit.completed_on)
    prefix = f"R{teacher.teacher_id[1:]}{year % 100}"
    return [credit._replace(record_id=f"{prefix}{number:02d}") for number, credit in enumerate(done, 1)]


def rejected(credit: Credit, done: list[Credit], rng: Random) -> Credit:
    """The credit with a reason; what looks like an approved one is, half the time, that very course handed in again."""
    twins = [c for c in done if (c.status, c.organiser, c.hours) == (APPROVED, credit.organiser, credit.hours)]
    if twins and rng.random() < 0.5:
        return rng.choice(twins)._replace(status=REJECTED, reason=DUPLICATE)
    return credit._replace(status=REJECTED, reason=rng.choice(REASONS))


def split(amount: str, sessions: str, rng: Random) -> list[Decimal]:
    """`18+12` as it stands; for `30-36`, a total in half hours as a row of sessions and a rest of at least one hour."""
    if "-" not in amount:
        return [Decimal(hours) for hours in amount.split("+")]
    low, high = map(int, amount.split("-"))
    rest = Decimal(rng.randint(2 * low, 2 * high)) / 2
    lengths = [Decimal(length) for length in sessions.split()]
    row = []
    while rest > max(lengths):
        row.append(rng.choice([length for length in lengths if rest - length >= 1]))
        rest -= row[-1]
    return [*row, rest]


def units() -> Iterator[tuple[str, str]]:
    """Every school and all that it lies in, outermost first."""
    paths = (path for school in SCHOOLS.values() for path in accumulate(school.unit.split("/"), "{}/{}".format))
    for path in dict.fromkeys(paths):
        yield path, next(level for suffix, level in LEVELS.items() if path.endswith(suffix))


def accounts(teachers: Iterable[Teacher]) -> Iterator[tuple[str, ...]]:
    for teacher_id, *_ in teachers:
        yield teacher_id.lower(), "teacher", teacher_id, "", WECOM_USERIDS.get(teacher_id, "")
    for code, school in SCHOOLS.items():
        yield f"admin-{code}", "school_admin", TEACHING_ADMINS.get(code, ""), school.unit, ""
    yield from ADMINS


def write(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        # 4.0 hours are written as 4, and 30 not as 3E+1.
        table.writerows([f"{c.normalize():f}" if isinstance(c, Decimal) else c for c in row] for row in rows)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = [*CASES, *drawn()]
    teachers = [employ(number, case) for number, case in enumerate(cases, 1)]
    history = [
        credit
        for teacher, case in zip(teachers, cases, strict=True)
        for year, plan in ((2021, case.earlier), (2022, case.before), (2023, case.plan))
        for credit in records(teacher, year, plan)
    ]
    write(folder / "units.csv", ("unit", "level"), units())
    write(folder / "teachers.csv", Teacher._fields, teachers)
    write(folder / "credits.csv", Credit._fields, history)
    write(folder / "budgets.csv", BUDGET_COLUMNS, BUDGETS)
    write(folder / "accounts.csv", ("account", "role", "teacher_id", "unit", "wecom_userid"), accounts(teachers))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
