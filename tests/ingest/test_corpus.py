"""Corpus folders: the shipped digests clause by clause, and a clear line for whatever is wrong with a folder."""

import re
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import yaml

from assistant.errors import InputError
from assistant.policy import Policy
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import Entry, read_corpora, read_entry

ORIGINALS = Path(__file__).resolve().parents[2].parent / "shared" / "policies"

# Separated by white space, in the order of the text.
LOCATORS = {
    "dongguan-2023": """
        0 一 二 三 三/(一) 三/(二) 三/(三) 三/(四) 尾
        附件1 附件1/0 附件1/一 附件1/二
        附件1/三 附件1/三/(一) 附件1/三/(二) 附件1/三/(三) 附件1/三/(四) 附件1/三/(五) 附件1/三/(六) 附件1/三/(七)
        附件1/三/(八) 附件1/三/(九)
        附件1/四 附件1/四/(一) 附件1/四/(二) 附件1/四/(三) 附件1/四/(四)
    """,
    "weinan-2019": """
        0 一 二 二/(一) 二/(二) 二/(三) 三 三/(一) 三/(二) 三/(三) 四 四/(一) 四/(二) 四/(三)
        五 五/(一) 五/(二) 五/(三) 尾
    """,
}
HEAD = {
    "id": "some-city",
    "title": "某市教师培训办法",
    "issuer": "某市教育局",
    "unit": "某省/某市",
    "effective_from": date(2023, 1, 1),
    "text": "digest",
    "source": "自拟",
}
BODY = """
开头的话。

## 一、学时

每年不少于90学时。
"""


@cache
def shipped() -> Mapping[str, Entry]:
    return {entry.policy.meta.id: entry for entry in read_corpora([SHIPPED_CORPUS])}


def policy(policy_id: str) -> Policy:
    return shipped()[policy_id].policy


def write(corpus: Path, body: str = BODY, **head: object) -> Path:
    """A policy folder in `corpus`; a key whose value is ... is left out."""
    values = {key: value for key, value in {**HEAD, **head}.items() if value is not ...}
    folder = corpus / str(values.get("id", "some-city"))
    folder.mkdir(parents=True, exist_ok=True)
    front = yaml.safe_dump(values, allow_unicode=True)
    (folder / "policy.md").write_text(f"---\n{front}---\n{body}", encoding="utf-8")
    return folder


def problem(folder: Path, file: str = "policy.md") -> str:
    """The one line that reading the folder ends in, without the file's name."""
    with pytest.raises(InputError) as caught:
        read_entry(folder)
    [line] = caught.value.problems
    assert "\n" not in line
    assert line.startswith(str(folder / file))
    return re.sub(r"^ 第 \d+ 行(?=：)", "", line.removeprefix(str(folder / file)))


@pytest.mark.parametrize("name", sorted(LOCATORS))
def test_the_locators_of_a_shipped_digest(name: str) -> None:
    assert [clause.locator for clause in policy(name).clauses] == LOCATORS[name].split()


def test_the_shipped_digests_are_as_long_as_they_should_be() -> None:
    assert {name: len(policy(name).clauses) for name in LOCATORS} == {"dongguan-2023": 28, "weinan-2019": 19}


def test_every_shipped_locator_is_unique_and_every_clause_can_be_quoted() -> None:
    for entry in shipped().values():
        locators = [clause.locator for clause in entry.policy.clauses]
        assert len(locators) == len(set(locators))
        assert all(clause.quotable for clause in entry.policy.clauses)


def test_the_office_to_ask_is_a_clause_with_text() -> None:
    for entry in shipped().values():
        if contact := entry.policy.meta.contact:
            clause = entry.policy.clause(contact)
            assert clause is not None
            assert clause.text
    assert policy("dongguan-2023").meta.contact == "尾"


@pytest.mark.parametrize(
    ("name", "locator", "heading", "held"),
    [
        ("dongguan-2023", "附件1", "2023年东莞市中小学（幼儿园）教师培训计划", ""),
        ("dongguan-2023", "三", "具体要求", ""),
        ("dongguan-2023", "附件1/四/(三)", "强化培训管理，完成学时要求", "不少于90学时"),
        ("dongguan-2023", "附件1/0", "", "本计划"),
        ("dongguan-2023", "尾", "", "23126189"),
        ("weinan-2019", "五/(一)", "学时量化管理", "360学时"),
        ("weinan-2019", "尾", "", "2019年3月20日"),
    ],
)
def test_headings_and_texts_lie_where_they_belong(name: str, locator: str, heading: str, held: str) -> None:
    clause = policy(name).clause(locator)
    assert clause is not None
    assert clause.heading == heading
    assert (held in clause.text) if held else (clause.text == "")


# Against the originals as found on the web: damaged, but their Arabic figures are whole.

_SECTION = re.compile(r"([一二三四五六七八九十])、")
_ATTACHMENT = re.compile(r"附件\d*")
# A number in parentheses, or what is left of one.
_SUBSECTION = re.compile(r"\([一二三四五六七八九十]+\)|\?。")
_DATE = re.compile(r"\d{4}年\d{1,2}月\d{1,2}日")
_PHONE = re.compile(r"\d{8}")
# Right behind a question mark stands what is left of cut characters; a digit there is none of the text's.
_FIGURE = re.compile(r"(?<!\?..)(?<![\d.])\d+(?:\.\d+)?%?")


def clauses_of_original(text: str) -> dict[str, str]:
    """Locator to text. Subsections are counted, since their numbers are the damaged part."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # What precedes the line that says whom the notice is for is the web page, not the notice.
    lines = lines[next(row for row, line in enumerate(lines) if line.endswith(":")) :]
    found: dict[str, str] = {}
    attachment, section, subsections = "", "", 0
    locator = "0"
    for line in lines:
        if match := _ATTACHMENT.fullmatch(line):
            attachment, section = f"{match[0]}/", ""
            locator = f"{attachment}0"
            continue
        if match := _SECTION.match(line):
            section, subsections = match[1], 0
            locator = attachment + section
        elif _DATE.fullmatch(line) or (_SUBSECTION.match(line) and _PHONE.search(line)):
            locator = f"{attachment}尾"
        elif section and _SUBSECTION.match(line):
            subsections += 1
            locator = f"{attachment}{section}/({'一二三四五六七八九十'[subsections - 1]})"
        found[locator] = found.get(locator, "") + line + "\n"
    return found


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the originals lie beside the repository, not in it")
@pytest.mark.parametrize("name", sorted(LOCATORS))
def test_a_digest_holds_the_figures_of_its_original_clause_by_clause(name: str) -> None:
    """Every one, and none that the original lacks."""
    original = clauses_of_original((ORIGINALS / f"{name}.txt").read_text(encoding="utf-8"))
    digest = {clause.locator: clause.text for clause in policy(name).clauses if clause.locator != "附件1"}
    assert list(original) == list(digest)
    assert sum(bool(_FIGURE.search(text)) for text in original.values()) >= 3
    for locator, text in original.items():
        assert (locator, set(_FIGURE.findall(digest[locator]))) == (locator, set(_FIGURE.findall(text)))


# What a folder is read into.


def test_a_sound_folder(tmp_path: Path) -> None:
    entry = read_entry(write(tmp_path, number="某教〔2023〕1号", issued_on=date(2022, 12, 1)))
    meta = entry.policy.meta
    assert (meta.id, meta.number, meta.issued_on, meta.effective_to) == (
        "some-city",
        "某教〔2023〕1号",
        date(2022, 12, 1),
        None,
    )
    assert [(clause.locator, clause.heading, clause.text) for clause in entry.policy.clauses] == [
        ("0", "", "开头的话。"),
        ("一", "学时", "每年不少于90学时。"),
    ]
    assert entry.rules is None


@pytest.mark.parametrize(
    ("headings", "locators"),
    [
        (
            "# 第一章 总则\n## 第一条 目的\n## 第二条\n# 第二章 学时\n## 第五条 要求",
            "第一章 第一章/第一条 第一章/第二条 第二章 第二章/第五条",
        ),
        ("## 二、要求\n### （三）学时\n#### 2. 专业科目\n##### （1）镇级", "二 二/(三) 二/(三)/2 二/(三)/2/(1)"),
        ("## 四、其他\n### 12、期限\n## 十一、附则\n## 二十、施行", "四 四/12 十一 二十"),
        (
            "## 一、甲\n## 尾\n# 附件1 表\n## 一、甲\n## 尾\n# 附件2：单\n## 一、甲",
            "一 尾 附件1 附件1/一 附件1/尾 附件2 附件2/一",
        ),
        ("## 一、甲\n### （一）乙\n## 尾", "一 一/(一) 尾"),
        ("# 附件1 表\n## 一、甲\n### （一）乙\n### 尾", "附件1 附件1/一 附件1/一/(一) 附件1/尾"),
        ("# 附件\n## 一、甲", "附件 附件/一"),
    ],
)
def test_headings_make_locators(tmp_path: Path, headings: str, locators: str) -> None:
    clauses = read_entry(write(tmp_path, f"\n{headings}\n")).policy.clauses
    assert [clause.locator for clause in clauses] == locators.split()


@pytest.mark.parametrize(
    ("heading", "locator", "words"),
    [
        ("一、培训费用", "一", "培训费用"),
        ("（二） 加强（统筹）", "(二)", "加强（统筹）"),
        ("第五条　学时", "第五条", "学时"),
        ("３．专业科目：要求", "3", "专业科目：要求"),
        ("一、", "一", ""),
        ("一、国家级、省级……", "一", "国家级、省级……"),
    ],
)
def test_a_heading_keeps_its_words_as_written(tmp_path: Path, heading: str, locator: str, words: str) -> None:
    [clause] = read_entry(write(tmp_path, f"\n## {heading}\n")).policy.clauses
    assert (clause.locator, clause.heading, clause.text) == (locator, words, "")


def test_a_line_across_the_page_ends_nothing(tmp_path: Path) -> None:
    clauses = read_entry(write(tmp_path, "\n## 一、甲\n上。\n\n---\n\n下。\n## 二、乙\n")).policy.clauses
    assert [clause.locator for clause in clauses] == ["一", "二"]
    assert clauses[0].text.startswith("上。")
    assert clauses[0].text.endswith("下。")


def test_windows_line_ends_change_nothing_but_the_fingerprint(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder / "policy.md"
    before = read_entry(folder)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after = read_entry(folder)
    assert after.policy == before.policy
    assert after.sha256 != before.sha256


def test_the_fingerprint_covers_both_files(tmp_path: Path) -> None:
    folder = write(tmp_path)
    prints = [read_entry(folder).sha256, read_entry(folder).sha256]
    write(tmp_path, BODY + "又。\n")
    prints.append(read_entry(folder).sha256)
    rules = (SHIPPED_CORPUS / "weinan-2019" / "rules.yaml").read_text(encoding="utf-8")
    for text in (rules, rules + "# 又\n"):
        (folder / "rules.yaml").write_text(text, encoding="utf-8")
        prints.append(read_entry(folder).sha256)
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


# What is wrong with a folder, in one line.


@pytest.mark.parametrize("key", sorted(HEAD))
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    assert problem(write(tmp_path, **{key: ...})) == f"：{key}：缺少此键"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "Some City"),
        ("id", "-city"),
        ("title", ""),
        ("title", None),
        ("issuer", ""),
        ("unit", ""),
        ("issued_on", "去年"),
        ("effective_from", None),
        ("effective_to", "2023-02-30"),
        ("text", "summary"),
    ],
)
def test_a_bad_value_is_named_by_its_key(tmp_path: Path, key: str, value: object) -> None:
    assert problem(write(tmp_path, **{key: value})).startswith(f"：{key}：")


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert problem(write(tmp_path, place="某省")) == "：place：不认识的键"


def test_the_id_is_the_folder_s_name(tmp_path: Path) -> None:
    folder = write(tmp_path).rename(tmp_path / "other-city")
    line = problem(folder)
    assert "some-city" in line
    assert "other-city" in line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "## 一、学时\n",
        "---\nid: some-city\n",
        "某市\n---\nid: some-city\n---\n## 一、学时\n",
        "id: some-city\n---\n---\n",
    ],
)
def test_without_front_matter_nothing_is_guessed(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path)
    (folder / "policy.md").write_text(text, encoding="utf-8")
    assert "---" in problem(folder)


def test_empty_front_matter_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "policy.md").write_text(f"---\n---\n{BODY}", encoding="utf-8")
    assert problem(folder).startswith("：整个文件：")


@pytest.mark.parametrize(
    "front", ["id: [some-city", "id: some-city\n\ttitle: 某市", "title: 某市：办法: 二", "id: 'some-city"]
)
def test_broken_yaml_is_told_with_its_line(tmp_path: Path, front: str) -> None:
    folder = write(tmp_path)
    (folder / "policy.md").write_text(f"---\n{front}\n---\n{BODY}", encoding="utf-8")
    assert re.search(r"第 \d+ 行.*YAML", problem(folder))


@pytest.mark.parametrize(("front", "row"), [("title: 甲: 乙", 2), ("id: some-city\n\ttitle: 某市", 3)])
def test_the_line_told_is_the_file_s(tmp_path: Path, front: str, row: int) -> None:
    folder = write(tmp_path)
    (folder / "policy.md").write_text(f"---\n{front}\n---\n{BODY}", encoding="utf-8")
    assert f"第 {row} 行" in problem(folder)


def test_a_day_that_no_calendar_has_is_refused_unquoted_too(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder / "policy.md"
    path.write_text(path.read_text(encoding="utf-8").replace("2023-01-01", "2023-02-30"), encoding="utf-8")
    problem(folder)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("## 一、甲\n## 一、乙\n", "一"),
        ("## 三、甲\n### （二）乙\n### (二) 丙\n", "三/(二)"),
        ("## 一、甲\n## 尾\n完。\n## 尾\n", "尾"),
        ("# 附件1 甲\n# 附件1 乙\n", "附件1"),
    ],
)
def test_two_clauses_at_one_place_are_refused(tmp_path: Path, body: str, told: str) -> None:
    line = problem(write(tmp_path, body))
    assert re.search(rf"两个条款.*{re.escape(told)}。?$", line)


@pytest.mark.parametrize("heading", ["总则", "关于学时", "加强管理（一）", "第三", "一 甲", "附 件"])
def test_a_heading_without_a_number_is_told_with_its_line(tmp_path: Path, heading: str) -> None:
    line = problem(write(tmp_path, f"开头。\n\n## 一、甲\n## {heading}\n"))
    assert "第 4 行" in line
    assert heading in line


@pytest.mark.parametrize("body", ["", "\n\n"])
def test_a_policy_without_clauses_is_refused(tmp_path: Path, body: str) -> None:
    assert "没有任何条款" in problem(write(tmp_path, body))


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder / "policy.md"
    path.write_text(path.read_text(encoding="utf-8"), encoding="gb18030")
    assert "UTF-8" in problem(folder)


def missing_file(folder: Path) -> None:
    (folder / "policy.md").unlink()


def folder_in_its_place(folder: Path) -> None:
    (folder / "policy.md").unlink()
    (folder / "policy.md").mkdir()


@pytest.mark.parametrize("damage", [missing_file, folder_in_its_place])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = write(tmp_path)
    damage(folder)
    assert "无法读取" in problem(folder)


# Several corpora.


def test_a_later_corpus_wins_over_an_earlier_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, title="旧")
    write(one, id="apart", title="另一个")
    write(two, title="新")
    for corpora, title in (([one, two], "新"), ([two, one], "旧")):
        found = {entry.policy.meta.id: entry for entry in read_corpora(corpora)}
        assert {name: entry.policy.meta.title for name, entry in found.items()} == {
            "some-city": title,
            "apart": "另一个",
        }
        assert len(read_corpora(corpora)) == 2


def test_a_later_corpus_may_replace_a_shipped_policy_with_its_rules(tmp_path: Path) -> None:
    folder = write(tmp_path, id="weinan-2019", title="自订")
    found = {entry.policy.meta.id: entry for entry in read_corpora([SHIPPED_CORPUS, tmp_path])}
    assert set(found) == set(shipped())
    assert (found["weinan-2019"].folder, found["weinan-2019"].rules) == (folder, None)


def test_a_folder_may_be_one_policy(tmp_path: Path) -> None:
    write(tmp_path, id="apart")
    assert [entry.policy.meta.id for entry in read_corpora([write(tmp_path)])] == ["some-city"]


def test_files_beside_the_policies_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("说明", encoding="utf-8")
    assert [entry.policy.meta.id for entry in read_corpora([tmp_path])] == ["some-city"]


def test_no_folder_or_an_empty_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.md").touch()
    with pytest.raises(InputError) as caught:
        read_corpora([tmp_path / "absent", tmp_path / "empty", tmp_path / "file.md"])
    absent, empty, file = caught.value.problems
    assert absent.startswith(str(tmp_path / "absent"))
    assert "目录不存在" in absent
    assert empty.startswith(str(tmp_path / "empty"))
    assert "没有找到" in empty
    assert file.startswith(str(tmp_path / "file.md"))
    assert "不是目录" in file


def test_the_faults_of_all_folders_are_told_at_once(tmp_path: Path) -> None:
    folders = [write(tmp_path, id="b-city", issuer=...), write(tmp_path, "## 总则\n", id="a-city")]
    write(tmp_path)
    with pytest.raises(InputError) as caught:
        read_corpora([tmp_path])
    assert sorted(re.split("：| 第", line)[0] for line in caught.value.problems) == sorted(
        str(folder / "policy.md") for folder in folders
    )
    assert str(caught.value) == "\n".join(caught.value.problems)


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    """The first of the two would be lost without a word."""
    folder = tmp_path / "dongguan-2023"
    shutil.copytree(SHIPPED_CORPUS / "dongguan-2023", folder)
    rules = folder / "rules.yaml"
    rules.write_text(
        rules.read_text("utf-8") + "  require:\n  - {id: R9, at_least: 10, clause: 附件1/四/(三)}\n", "utf-8"
    )
    with pytest.raises(InputError, match=r"rules\.yaml.*require.*写了两次"):
        read_entry(folder)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "dongguan-2023"
    shutil.copytree(SHIPPED_CORPUS / "dongguan-2023", folder)
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_entry(folder).policy.clauses == read_entry(SHIPPED_CORPUS / "dongguan-2023").policy.clauses
