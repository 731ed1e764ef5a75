"""Corpus folders: `<policy_id>/policy.md` and, where the policy holds figures, `<policy_id>/rules.yaml`."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from assistant.errors import InputError
from assistant.policy import Policy, PolicyMeta
from assistant.rules.schema import RuleFile
from ingest.structure import split

POLICY, RULES = "policy.md", "rules.yaml"
_Model = TypeVar("_Model", bound=BaseModel)


class _Loader(yaml.CSafeLoader):
    """A key written twice is a slip, and the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys differ."""
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"“{twice}”写了两次", node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A number as people write it: to YAML 1.1, 0132 would be 90 and 1:30 too."""
        if not re.fullmatch(r"-?(0|[1-9][0-9]*)", node.value):
            raise yaml.constructor.ConstructorError(None, None, f"“{node.value}”不是通常写法的数字", node.start_mark)
        return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


@dataclass(frozen=True)
class Entry:
    """One policy folder as read. `sha256` covers both files: the same means nothing changed."""

    folder: Path
    policy: Policy
    rules: RuleFile | None
    sha256: str


def read_corpora(folders: Iterable[Path]) -> list[Entry]:
    """The policies of several corpus folders; of two with one id the later one holds. InputError lists all faults."""
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            there = (
                "不是目录：政策以目录为单位读入，其中须有 " + POLICY if folder.exists() else "目录不存在，请核对路径"
            )
            problems.append(f"{folder}：{there}。")
            continue
        inside = [folder] if (folder / POLICY).is_file() else sorted(path.parent for path in folder.glob(f"*/{POLICY}"))
        if not inside:
            problems.append(f"{folder}：没有找到 <政策编号>/{POLICY}。")
        for place in inside:
            try:
                entry = read_entry(place)
                found[entry.policy.meta.id] = entry
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    return list(found.values())


def read_entry(folder: Path) -> Entry:
    """One policy folder. InputError: what, where and how to mend it."""
    path, rules_path = folder / POLICY, folder / RULES
    content = _read(path)
    head, body = _front_matter(path, content)
    meta = _model(path, PolicyMeta, head, content.decode("utf-8-sig"))
    if meta.id != folder.resolve().name:
        raise InputError(f"{path}：id（{meta.id}）应与目录名（{folder.resolve().name}）相同。")
    try:
        clauses = split(body)
    except ValueError as error:
        raise InputError(f"{path}：{error}") from None
    rules, rules_content = None, b""
    if rules_path.exists():
        rules_content = _read(rules_path)
        text = rules_content.decode("utf-8-sig")
        rules = _model(rules_path, RuleFile, _yaml(rules_path, text), text)
    digest = hashlib.sha256(content + b"\0" + rules_content).hexdigest()
    kept = [clause.model_copy(update={"kind": meta.text}) for clause in clauses]
    return Entry(folder, Policy(meta=meta, clauses=kept), rules, digest)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        content.decode()
    except OSError as error:
        raise InputError(f"{path}：无法读取（{error.strerror}）。") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}：第 {error.start} 字节起不是 UTF-8，请另存为 UTF-8。") from None
    return content


def _front_matter(path: Path, content: bytes) -> tuple[Any, str]:
    parts = content.decode("utf-8-sig").replace("\r\n", "\n").split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        raise InputError(f"{path}：开头缺少以 --- 包围的元数据。")
    # The line before keeps the rows that faults are told by those of the file.
    return _yaml(path, "\n" + parts[1]), parts[2]


def _yaml(path: Path, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行" if mark else "某处"
        raise InputError(f"{path}：{where}不是合法的 YAML（{getattr(error, 'problem', '格式有误')}）。") from None
    except ValueError as error:
        # A day such as 2023-02-30 has the form of a date and is none.
        raise InputError(f"{path}：有一个日期或数字不成立（{error}）。") from None


def _model(path: Path, model: type[_Model], data: Any, text: str) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        root = next(yaml.compose_all(text, Loader=_Loader), None)
        raise InputError([_fault(path, fault, root) for fault in error.errors(include_url=False)]) from None


def line_of(path: Path, version: str, rule: str) -> int:
    """The line of a rule of the version that begins on a day; of what isn't one rule, that of the version or 1."""
    root: Any = yaml.compose(path.read_text("utf-8-sig"), Loader=_Loader)
    found = 1
    for node in _under(root, "versions"):
        if not any(value.value == version for value in _values(node, "from")):
            continue
        found = node.start_mark.line + 1
        for number, example in enumerate(_under(node, "examples"), 1):
            if rule == f"examples.{number}":
                return int(example.start_mark.line + 1)
        for _, table in node.value:
            for line in [table] if isinstance(table, yaml.MappingNode) else table.value:
                if any(value.value == rule for value in _values(line, "id")):
                    return int(line.start_mark.line + 1)
    return int(found)


def _under(node: Any, key: str) -> Iterator[Any]:
    for value in _values(node, key):
        yield from value.value


def _values(node: Any, key: str) -> Iterator[Any]:
    """What stands under a key of a node, if it has keys."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if name.value == key:
            yield value


_SAY = {"extra_forbidden": "不认识的键", "missing": "缺少此键"}


def _fault(path: Path, fault: Any, root: yaml.Node | None) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "整个文件"
    told = _SAY.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")
    return f"{path} 第 {_line(root, fault['loc'])} 行：{where}：{told}"


def _line(node: yaml.Node | None, place: Sequence[str | int]) -> int:
    """The line of a place in a document, as far as there is one: of a missing key, that of what lacks it."""
    for part in place:
        if isinstance(node, yaml.MappingNode):
            inside = {key.value: (key, value) for key, value in node.value}
            if part not in inside:
                break
            key, value = inside[part]
            node = value if isinstance(value, yaml.CollectionNode) else key
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            break
    return node.start_mark.line + 1 if node else 1
