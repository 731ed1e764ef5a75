"""Clauses of notices by their own numbering: locators, headings, texts, and that no character is lost or told twice."""

import re
from textwrap import dedent
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.outline import Piece, outline


def clauses(text: str) -> list[tuple[str, str, str]]:
    return [piece[:3] for piece in outline(dedent(text).strip())]


def locators(text: str) -> list[str]:
    return [piece.locator for piece in outline(dedent(text).strip())]


# Numbers and levels.


def test_the_five_levels_of_a_notice() -> None:
    assert clauses("""
        各县区教育局：
        现通知如下。
        一、学时要求
        教师每年不少于90学时。
        （一）公需科目。不少于30学时。
        1.线上学习。每门6学时。
        （1）必修
        三门。
        ①师德；
        ②法治。
        （2）选修
        (二)专业科目
        不少于42学时。
        二、附则。自2023年1月1日起施行。
    """) == [
        ("0", "", "各县区教育局：\n现通知如下。"),
        ("一", "学时要求", "教师每年不少于90学时。"),
        ("一/(一)", "公需科目", "不少于30学时。"),
        ("一/(一)/1", "线上学习", "每门6学时。"),
        ("一/(一)/1/(1)", "必修", "三门。"),
        ("一/(一)/1/(1)/①", "", "师德；"),
        ("一/(一)/1/(1)/②", "", "法治。"),
        ("一/(一)/1/(2)", "选修", ""),
        ("一/(二)", "专业科目", "不少于42学时。"),
        ("二", "附则", "自2023年1月1日起施行。"),
    ]


def test_chapters_and_articles() -> None:
    assert clauses("""
        第一章 总则
        第一条 为规范教师培训，制定本办法。
        第二条 本办法适用于公办学校。
        第二章 学时
        第三条 教师应当完成下列学时。
        （一）公需科目；
        （二）专业科目。
        第十二条 本办法由市教育局解释。
    """) == [
        ("第一章", "总则", ""),
        ("第一章/第一条", "", "为规范教师培训，制定本办法。"),
        ("第一章/第二条", "", "本办法适用于公办学校。"),
        ("第二章", "学时", ""),
        ("第二章/第三条", "", "教师应当完成下列学时。"),
        ("第二章/第三条/(一)", "", "公需科目；"),
        ("第二章/第三条/(二)", "", "专业科目。"),
        ("第二章/第十二条", "", "本办法由市教育局解释。"),
    ]


def test_a_numbering_may_run_through_the_parts() -> None:
    lines = ["一、体系", *(f"{n}.第{n}项。做好。" for n in range(1, 4)), "二、保障", "4.经费。做好。", "三、考核"]
    lines += [f"{n}.第{n}项。做好。" for n in range(5, 13)]
    numbered = [f"三/{n}" for n in range(5, 13)]
    assert locators("\n".join(lines)) == ["一", "一/1", "一/2", "一/3", "二", "二/4", "三", *numbered]


@pytest.mark.parametrize("mark", ["1.", "1．", "1、", "（1）", "(1)", "①"])
def test_numbers_as_they_are_written(mark: str) -> None:
    name = {"（": "(1)", "(": "(1)", "①": "①"}.get(mark[0], "1")
    assert clauses(f"一、学时\n{mark}甲科目。每年一次。") == [
        ("一", "学时", ""),
        (f"一/{name}", "甲科目", "每年一次。"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "2023年不少于90学时。",
        "1.5倍计入学时。",
        "12.5万元由市财政承担。",
        "2023.5起施行。",
        "8.本项不接上一项。",
        "（3）不接上一项。",
        "③不接上一项。",
        "一是落实经费。",
        "一方面加强统筹。",
        "第一，落实经费。",
        "第二批培养对象50人。",
        "十四五期间完成。",
    ],
)
def test_what_only_begins_like_a_number_is_text(line: str) -> None:
    assert clauses(f"一、学时\n每年一次。\n{line}\n二、考核") == [
        ("一", "学时", f"每年一次。\n{line}"),
        ("二", "考核", ""),
    ]


def test_points_of_a_sentence_stay_inside() -> None:
    text = "一是明确部门。二是明确任务。\n二是加强保障，落实经费。"
    assert clauses(f"三、要求\n（一）加强统筹。{text}\n（二）严格管理")[1:] == [
        ("(一)", "加强统筹", text),
        ("(二)", "严格管理", ""),
    ]


@pytest.mark.parametrize(
    ("line", "heading", "text"),
    [
        ("（一）加强统筹。各校负责。", "加强统筹", "各校负责。"),
        ("（一）加强统筹", "加强统筹", ""),
        ("（一）各校负责登记，县区负责审核。", "", "各校负责登记，县区负责审核。"),
        ("（一）公需科目不少于30学时；", "", "公需科目不少于30学时；"),
        ("（一）" + "各校负责登记，" * 9 + "县区审核。每年一次。", "", "各校负责登记，" * 9 + "县区审核。每年一次。"),
        ("（一）　加强 统筹。 各校负责。", "加强 统筹", "各校负责。"),
    ],
)
def test_a_heading_may_share_its_line(line: str, heading: str, text: str) -> None:
    assert clauses(f"一、总则\n{line}\n（二）其他")[1] == ("一/(一)", heading, text)


def test_headings_of_markdown() -> None:
    assert clauses("# 一、学时\n## （一）公需\n每年30学时。\n## （二）专业") == [
        ("一", "学时", ""),
        ("一/(一)", "公需", "每年30学时。"),
        ("一/(二)", "专业", ""),
    ]


def test_lines_that_are_no_part_of_any_clause_are_skipped() -> None:
    text = "某市办法\n第一条 甲。\n某市办法\n第二条 乙。"
    title = text.rindex("某市办法")
    assert [piece[:3] for piece in outline(text, [(0, 1), (title, title + 1)])] == [
        ("第一条", "", "甲。"),
        ("第二条", "", "乙。"),
    ]


# Enclosures, openings, tails.


def test_enclosures_are_numbered_anew() -> None:
    assert clauses("""
        一、总则
        见附件。
        附件1
        某市教师培训计划
        为做好培训，制定本计划。
        一、目标
        全员参加。
        （联系人：某某，电话：12345678）
        附件2 名额分配表
        甲县 10人
        附件三：经费标准
        每人400元
        附件
        一、目标
    """) == [
        ("一", "总则", "见附件。"),
        ("附件1", "某市教师培训计划", ""),
        ("附件1/0", "", "为做好培训，制定本计划。"),
        ("附件1/一", "目标", "全员参加。"),
        ("附件1/尾", "", "（联系人：某某，电话：12345678）"),
        ("附件2", "名额分配表", ""),
        ("附件2/0", "", "甲县 10人"),
        ("附件3", "经费标准", ""),
        ("附件3/0", "", "每人400元"),
        ("附件", "", ""),
        ("附件/一", "目标", ""),
    ]


def test_a_plan_behind_a_letter_s_signature_is_its_enclosure() -> None:
    assert clauses("""
        各校：
        一、总则
        现印发计划。
        某市教育局
        2023年1月1日
        某市教师培训计划
        一、目标
        全员参加。
        二、措施
        分层培训。
    """) == [
        ("0", "", "各校："),
        ("一", "总则", "现印发计划。"),
        ("尾", "", "某市教育局\n2023年1月1日"),
        ("附件", "某市教师培训计划", ""),
        ("附件/一", "目标", "全员参加。"),
        ("附件/二", "措施", "分层培训。"),
    ]


@pytest.mark.parametrize(
    "attachments",
    [
        "附件：1.项目一览表\n2.名额分配表\n3.承办单位一览表",
        "附件：\n1.项目一览表\n2.名额分配表",
        "附件1.项目一览表\n2.名额分配表",
        "附件1：项目一览表\n附件2：名额分配表",
        "附件 1：项目一览表",
        "附件：项目一览表",
    ],
)
def test_a_list_of_attachments_is_the_tail_and_no_enclosure(attachments: str) -> None:
    tail = f"{attachments}\n某市教育局\n2023年1月1日"
    notice = [("一", "学时", ""), ("一/1", "公需", "每年一次。"), ("尾", "", tail)]
    assert clauses(f"一、学时\n1.公需。每年一次。\n{tail}") == notice
    assert clauses(f"一、学时\n1.公需。每年一次。\n{tail}\n附件1\n项目一览表\n甲 10人") == [
        *notice,
        ("附件1", "项目一览表", ""),
        ("附件1/0", "", "甲 10人"),
    ]


@pytest.mark.parametrize(
    "tail",
    [
        "某市教育局\n2023年1月1日",
        "二〇二三年一月一日",
        "联系人：某某；电话：12345678。",
        "（联系方式：某某中心，电话：12345678）\n某市教育局办公室",
        "附件：名额分配表",
        "特此通知。",
        "抄送：市政府办公室",
        "(此件公开发布)",
    ],
)
def test_what_closes_a_notice_is_its_tail(tail: str) -> None:
    for last in ("二、考核\n每年一次。", "二、考核。每年一次。"):
        assert clauses(f"一、学时。每年一次。\n{last}\n{tail}")[1:] == [("二", "考核", "每年一次。"), ("尾", "", tail)]


def test_a_notice_without_numbers_is_its_opening() -> None:
    assert clauses("各校：\n每年一次。\n某市教育局") == [("0", "", "各校：\n每年一次。\n某市教育局")]


def test_rows_of_a_table_stay_rows() -> None:
    table = "| 科目 | 学时 |\n| --- | --- |\n| 公需 | 30 |\n合计\t90\n1 甲县 10"
    assert clauses(f"一、学时\n{table}\n二、考核") == [("一", "学时", table), ("二", "考核", "")]


def test_after_a_list_of_attachments_a_section_numbers_its_items_again() -> None:
    assert locators("一、甲\n1.乙\n附件：1.项目表\n2.名额表\n二、丙\n1.丁\n2.戊") == [
        "一",
        "一/1",
        "二",
        "二/1",
        "二/2",
    ]


# Slips.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一、甲\n二、乙\n二、丙\n三、丁", "一 二 二~2 三"),
        ("一、甲\n（一）乙\n（一）丙\n（二）丁\n二、戊", "一 一/(一) 一/(一)~2 一/(二) 二"),
        ("附件1\n甲表\n一、甲\n附件1\n乙表\n一、乙", "附件1 附件1/一 附件1~2 附件1/一~2"),
        ("一、甲\n二、乙\n某市培训计划\n一、丙\n二、丁", "一 二 一~2 二~2"),
        ("一、甲\n三、乙\n四、丙", "一 三 四"),
        (
            "第一章 总则\n第二章 学时\n第一章 总则\n第一条 甲。\n第二章 学时\n第二条 乙，按\n第一条的规定。",
            "第一章 第二章 第一章~2 第一章/第一条 第二章~2 第二章/第二条",
        ),
    ],
)
def test_clauses_numbered_alike_are_told_apart(text: str, expected: str) -> None:
    assert locators(text) == expected.split()


# Whatever a notice holds.

_NUMERALS = "一二三四五六七八九十"
WORDS = st.sampled_from(["教师培训", "经费保障", "学时登记", "校本研修"])
SENTENCE = st.sampled_from(["每年不少于90学时。", "由县区审核，报市备案。", "2023年完成10%。", "一是统筹；二是落实。"])
BLANK = st.sampled_from(["\n", "\n\n", "\n　　", "\n  "])


class Numbered(NamedTuple):
    """A clause as it is printed, and what it is."""

    printed: str
    heading: str
    text: str


@st.composite
def item(draw: st.DrawFn, number: str) -> Numbered:
    """A heading in its own line with text below, a heading before its text, or text alone."""
    heading, text, more = draw(WORDS), draw(SENTENCE), draw(SENTENCE)
    forms = [
        Numbered(f"{number}{heading}\n{text}\n{more}", heading, f"{text}\n{more}"),
        Numbered(f"{number}{heading}。{text}", heading, text),
        Numbered(f"{number}{heading}", heading, ""),
        Numbered(f"{number}{text}", "", text),
    ]
    return draw(st.sampled_from(forms))


@st.composite
def notice(draw: st.DrawFn) -> tuple[str, list[tuple[str, str, str]]]:
    """A notice and its clauses."""
    printed, found, running = ["各校：\n现通知如下。"], [("0", "", "各校：\n现通知如下。")], 0
    through = draw(st.booleans())
    for one in range(draw(st.integers(1, 3))):
        heading = draw(WORDS)
        printed.append(f"{_NUMERALS[one]}、{heading}")
        found.append((_NUMERALS[one], heading, ""))
        for two in range(draw(st.integers(0, 3))):
            running = running + 1 if through else two + 1
            numeral = _NUMERALS[two]
            number, name = (f"{running}.", f"{running}") if through else (f"（{numeral}）", f"({numeral})")
            made = draw(item(number))
            printed.append(made.printed)
            found.append((f"{_NUMERALS[one]}/{name}", made.heading, made.text))
    printed.append("某市教育局\n2023年1月1日")
    found.append(("尾", "", "某市教育局\n2023年1月1日"))
    gap = draw(BLANK)
    return "\n".join(printed).replace("\n", gap), found


@given(notice())
def test_a_notice_comes_back_clause_by_clause(made: tuple[str, list[tuple[str, str, str]]]) -> None:
    text, expected = made
    assert [piece[:3] for piece in outline(text)] == expected


LINES = """一、总则
二、学时。每年一次。
# 三、附则
二、重复
（一）登记
（二）审核。由县区负责。
1.公需
2.专业。30学时。
10.不接
1.5倍。
（1）线上
①甲；
第一章 总则
第一条 目的。
第二条 范围
附件1
附件2 名额表
附件：名额表
| 甲 | 1 |
每年一次。
联系人：某某
某市教育局
2023年1月1日
尾
""".splitlines()
_NUMBER = re.compile(r"第.[章条]|[一二三]、|[(（].[)）]|\d+[.]|①")


@given(st.lists(st.sampled_from([*LINES, "", "　"]), max_size=14).map("\n".join))
def test_no_character_is_lost_or_told_twice(text: str) -> None:
    """In order, each is part of a number, a heading or a text; a full stop may stand between these two."""
    rest = re.sub(r"[\s#]", "", text)
    for piece in outline(text):
        number = piece.locator.split("~")[0].split("/")[-1]
        if number.startswith("附件"):
            # Of one that isn't numbered a line may say so, or none.
            rest = consumed(rest, number) if number != "附件" else re.sub("^附件：?", "", rest)
        elif number not in ("0", "尾"):
            found = _NUMBER.match(rest)
            assert found
            rest = rest[found.end() :]
        rest = consumed(rest, piece.heading)
        if piece.heading and piece.text:
            rest = rest.removeprefix("。")
        rest = consumed(rest, piece.text)
    assert rest == ""


def consumed(rest: str, part: str) -> str:
    part = re.sub(r"[\s#]", "", part)
    assert rest.startswith(part)
    return rest[len(part) :]


def test_places_are_those_of_the_text() -> None:
    text = "一、甲\n每年\n一次。\n\n二、乙"
    assert outline(text) == [Piece("一", "甲", "每年\n一次。", 0, 10), Piece("二", "乙", "", 12, 15)]
