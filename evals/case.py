"""Evaluation cases: questions as people type them, and what must come back. One file a group, `evals/cases/*.yaml`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from assistant.answer import Calculation, Outcome
from assistant.ask import LONGEST
from assistant.errors import InputError

CASES = Path(__file__).parent / "cases"
Split = Literal["tuning", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_FIELDS = {field.alias or name for name, field in Calculation.model_fields.items()}
_CATEGORY_FIELDS = {"required", "recorded", "counted", "shortfall"}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """Figures are written as text: YAML would read 0.10 as a float and 是 as itself."""
    if isinstance(value, bool | int | float):
        raise ValueError("数字须加引号")
    return value


Said = Annotated[str, BeforeValidator(_plain), Field(min_length=1)]
Figures = dict[str, Said]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Part):
    """What must hold of the last answer; what isn't written isn't looked at.

    `figures`, `projection`: fields of the calculation and of the projection, `<category>.<field>` for a category's.
    `says`, `says_not`: stand in the text, or don't, after NFKC and without spaces. `cells`: each is a cell of a table.
    `total_rows`: of the first table. `clauses`: `<policy>#<locator>`, all cited. `never`: nowhere in the answer.
    """

    outcome: Annotated[list[Outcome], BeforeValidator(_listed), Field(min_length=1)]
    figures: Figures = {}
    projection: Figures = {}
    plan_hours: Said | None = None
    says: list[Said] = []
    says_not: list[Said] = []
    cells: list[Said] = []
    total_rows: int | None = Field(None, ge=0)
    clauses: list[Said] = []
    never: list[Said] = []

    @field_validator("figures", "projection")
    @classmethod
    def _known(cls, figures: Figures) -> Figures:
        for name in figures:
            category, _, field = name.rpartition(".")
            if field not in (_CATEGORY_FIELDS if category else _FIELDS):
                raise ValueError(f"没有 {name} 这一项")
        return figures


class Case(_Part):
    """A conversation in one thread. `group` is the file's name, `number` counts its cases from 1.

    `times`: it is held so often, and every time the same must come back. `note` is for whoever reads the file.
    """

    group: str
    number: int
    ask: Annotated[list[Annotated[Said, Field(max_length=LONGEST)]], BeforeValidator(_listed), Field(min_length=1)]
    account: str = Field(alias="as")
    split: Split
    expect: Expected
    times: int = Field(1, ge=1)
    note: str = ""

    @property
    def name(self) -> str:
        """Where it is written."""
        return f"{self.group} 第 {self.number} 例"


_ROWS = TypeAdapter(list[dict[str, Any]])


def load_cases(accounts: Iterable[str], folder: Path = CASES) -> list[Case]:
    """The cases of a folder, file by file. InputError: every case at fault, by file, number and key."""
    cases, problems, known = list[Case](), list[str](), set(accounts)
    for path in sorted(folder.glob("*.yaml")):
        try:
            rows = _ROWS.validate_python(yaml.safe_load(path.read_text("utf-8")))
        except (yaml.YAMLError, ValidationError, UnicodeDecodeError):
            problems.append(f"{path.name}：应为 YAML 的列表，每项一例（ask、as、split、expect）。")
            continue
        for number, row in enumerate(rows, 1):
            try:
                case = Case.model_validate({**row, "group": path.stem, "number": number})
            except ValidationError as error:
                problems += [_problem(path.name, number, one) for one in error.errors(include_url=False)]
                continue
            if case.account not in known:
                problems.append(f"{case.name} as：示例中没有账号 {case.account!r}。")
            cases.append(case)
    if problems:
        raise InputError(problems)
    return cases


def _problem(file: str, number: int, error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "value_error":
        return f"{file} 第 {number} 例 {where}：{error['ctx']['error']}。"
    say = {"extra_forbidden": "没有这一项，请核对拼写", "missing": "缺少这一项"}.get(error["type"], "格式不对")
    return f"{file} 第 {number} 例 {where}：{say}。"
