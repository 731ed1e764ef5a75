"""Repair of policy texts: sound text stays to the byte, damage comes back or is marked, every change is told."""

import random
import re
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from assistant.settings import SHIPPED_CORPUS
from evals.mending import damaged, outcomes
from ingest.corpus import read_corpora
from ingest.repair import MARKS, Change, gbk, repair
from ingest.repair.script import plainly

DIGESTS = [entry.policy for entry in read_corpora([SHIPPED_CORPUS])]
SENTENCES = sorted(
    {
        found.strip()
        for policy in DIGESTS
        for clause in policy.clauses
        for found in re.findall(r"[^。！？；\n]+[。！？；]?", clause.text)
    }
)
TRADITIONAL = OpenCC("s2t").convert
BODY = "各县区教育局：\n教师每年不少于90学时。\n"


@cache
def field() -> list[str]:
    """The digests, as what a notice's language is told by."""
    return [plainly("\n".join(clause.text for clause in policy.clauses)) for policy in DIGESTS]


def repaired(text: str) -> str:
    return repair(text).text


def kinds(text: str) -> Counter[str]:
    return Counter(change.kind for change in repair(text).changes)


# What must pass.


def said(*ends: str) -> st.SearchStrategy[str]:
    """A sentence of the digests as it is, or with another end, in brackets or in quotation marks."""
    ended = [lambda one, end=end: one.rstrip("。；") + end for end in ends]
    ways = [lambda one: one, *ended, lambda one: f"（{one}）", lambda one: f"“{one}”", lambda one: f"其中({one})"]
    return st.builds(lambda one, way: way(one), st.sampled_from(SENTENCES), st.sampled_from(ways))


def texts(*ends: str) -> st.SearchStrategy[str]:
    return st.lists(st.lists(said(*ends), min_size=1, max_size=3).map("".join), min_size=1, max_size=4).map("\n".join)


@given(texts("？", "?", "？！", "！", "：", "?”", "?）", "?\n答：是。"))
@settings(max_examples=20)
def test_sound_text_stays_to_the_byte(text: str) -> None:
    made = repair(text)
    assert (made.text, made.changes) == (text, [])


@given(texts("？", "?", "！", "?”"))
@settings(max_examples=12)
def test_traditional_characters_are_no_damage(text: str) -> None:
    text = f"加强教师队伍建设，提升培训质量。\n{text}"
    made = repair(TRADITIONAL(text))
    assert made.text == text
    assert {change.kind for change in made.changes} == {"繁体转简体"}


# Damage: a page that was cut at the bytes of punctuation, blind to where characters begin.

NOTICE = """一、总体要求
（一）加强组织领导。各单位要安排专人负责教师培训，按时报送年度计划；经费不足的，由学校补足。
（二）落实经费保障。各学校按不低于公用经费预算总额的10%安排教师培训经费，不得向教师个人分摊。
（三）严格学时登记。教师参加市级培训的，由教师发展中心登记；参加校本研修的，由学校登记，年底前完成审核。
（四）做好新教师培训。新入职教师在第一年内完成岗前培训，不少于120学时。
（五）强化督导检查。市教育局每年检查一次，结果向各县区通报；连续两年不合格的，取消评优资格。
（六）完善培训档案。学校为每位教师建立培训档案，记录学习内容、学时和考核结果。
"""


@pytest.mark.parametrize("notice", [NOTICE, TRADITIONAL(NOTICE)], ids=["Simplified", "Traditional"])
def test_damage_comes_back_or_is_marked_and_is_never_made_wrong(notice: str) -> None:
    found = outcomes(notice, field(), random.Random(1))
    assert found.total() == 4
    assert found.keys() <= {"exact", "marked"}
    assert 2 * found["exact"] >= found.total()


def cut(line: str) -> str:
    """A paragraph after a cutter that spares no character."""
    seen, hurt = damaged(f"　　{line}", 1.0, random.Random(1))
    assert hurt
    return seen.lstrip("　")


def test_the_number_of_a_paragraph_with_a_margin_is_read_from_its_bytes() -> None:
    """The margin's last byte and the bracket's first were cut apart as a full stop, and all is read off by one."""
    lines = [cut("（一）加強指導，每年一次。"), cut("（二）加強經費保障，每年一次。")]
    assert all(line.startswith("?。") for line in lines)
    made = repair("\n".join(["三、具體要求", *lines]))
    assert made.text == "三、具体要求\n（一）加强指导,每年一次。\n（二）加强经费保障,每年一次。"
    one, two = [change for change in made.changes if change.kind == "编码损坏"]
    assert (one.line, one.after, one.inferred) == (2, "（一）加強指導", "導")
    # Of the second number bytes were lost: that it comes after the first is likely, and no more.
    assert (two.line, two.after, two.inferred) == (3, "（二）加強經費", "二）")


def test_what_cannot_be_told_is_marked_and_the_inferred_is_named() -> None:
    """Of the word before 校共建 both bytes are gone: 三校, 全校, 两校 all fit."""
    made = repair(cut("採用導師和學校“三校共建”，教學實踐結合的模式。"))
    assert made.text == f"采用导师和学校“{gbk.MARK}共建{gbk.MARK},教学实践结合的模式。"
    [change] = [change for change in made.changes if change.kind == "编码损坏"]
    assert (change.after, change.inferred) == (f"校“{gbk.MARK}共建{gbk.MARK}", "校")


@pytest.mark.parametrize(
    ("seen", "mended"),
    [
        ("教师\ufffd\ufffd培训每年一次。", f"教师{gbk.MARK}培训每年一次。"),
        ("每年不少于\ufffd0学时。", f"每年不少于{gbk.MARK}0学时。"),
        ("落实\ue5e5经费保障。", f"落实{gbk.MARK}经费保障。"),
    ],
)
def test_what_no_repair_explains_is_marked(seen: str, mended: str) -> None:
    made = repair(seen)
    assert made.text == mended
    assert [(change.kind, change.after) for change in made.changes] == [("编码损坏", gbk.MARK)]


# Pinyin glosses.


def test_glosses_go_where_there_are_three() -> None:
    made = repair("全市各學區(qū)、經(jīng)辦單位和校區(qū)從業(yè)人員，開立銀行（háng）賬戶。")
    assert made.text == "全市各学区、经办单位和校区从业人员，开立银行账户。"
    glosses = [change for change in made.changes if change.kind == "拼音注音"]
    assert [change.before for change in glosses] == ["(qū)", "(jīng)", "(qū)", "(yè)", "（háng）"]
    assert {change.after for change in glosses} == {""}


@pytest.mark.parametrize("text", ["区(qū)里的教师。", "区(qū)里的“行”(xíng)字，读作行（háng）。"])
def test_one_or_two_glosses_may_be_meant(text: str) -> None:
    assert repair(text).changes == []


@pytest.mark.parametrize("gloss", ["(qū)", "(shi)", "(SHÌ)", "(AI)", "(b)", "（jiào shī）"])
def test_a_gloss_that_is_not_the_character_s_own_stays(gloss: str) -> None:
    text = f"各市{gloss}教师，区(qū)、经(jīng)、业(yè)。"
    made = repair(text)
    assert made.text == f"各市{gloss}教师，区、经、业。"
    assert len(made.changes) == 3


# Script, width, radicals.


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("按照文件規定制定計劃", "按照文件规定制定计划"),
        ("著力提高質量，著重加強軟件和視頻資源建設", "着力提高质量，着重加强软件和视频资源建设"),
        ("隨著信息網絡的發展，顯著提升項目質量", "随着信息网络的发展，显著提升项目质量"),
        ("著名專家的著作權", "著名专家的著作权"),
    ],
)
def test_the_script_changes_and_no_word(traditional: str, simplified: str) -> None:
    assert repaired(traditional) == simplified
    assert kinds(traditional).keys() == {"繁体转简体"}


def test_a_traditional_character_or_two_are_no_traditional_text() -> None:
    text = BODY * 10 + "書法家啟功先生题词，馆名用“乾”字。"
    assert repaired(text) == text


@pytest.mark.parametrize(
    ("odd", "usual"),
    [
        ("不少于９０学时，占１０％", "不少于90学时，占10%"),
        ("ＡＩ＋教师，ＰＤＦ版，ｈｎ邮箱", "AI＋教师，PDF版，hn邮箱"),
        ("⼀、⼈员与⽂件", "一、人员与文件"),
        ("⾏政⽅⾯", "行政方面"),
    ],
)
def test_odd_forms_of_characters_are_made_the_usual_ones(odd: str, usual: str) -> None:
    made = repair(odd)
    assert made.text == usual
    assert {change.kind for change in made.changes} == {"全角与部首字形"}


@pytest.mark.parametrize("text", ["“第一课”（试行），①项；每周二～周四！", "面积2㎡，Ⅲ类项目……——"])
def test_forms_that_mean_something_stay(text: str) -> None:
    assert repaired(text) == text


# What a web page put around a notice.

FURNITURE = [
    "您现在的位置: 政务公开>> 通知公告>> 人事",
    "首页 > 政务公开 > 通知公告",
    "发布时间:2018年05月06日 点击数:12次",
    "字体大小：大 中 小",
    "打印 | 关闭",
    "文章来源：市教育局",
    "发布人：办公室",
    "公开日期：2018-05-06",
    "2021-03-01 10:20 【浏览字号: 来源:局办公室",
    "索引号: 1137000MB1234567X/2021-None 文号:",
    "发文日期: 2021-03-01 发布机构: 某区教育局",
    "主题分类：教育",
    "公开方式：主动公开",
    "  • 字号:",
    "  • |",
    "  • 打印",
    "【字体：大 中 小】",
    "打印本页",
    "【关闭窗口】",
    "分享到：微信 微博",
    "分享",
    "浏览次数：1035",
    "阅读量：300",
    "来源：某市教育局",
    "责任编辑：某某",
    "扫一扫在手机打开当前页 ",
    "微信扫码浏览",
    "附件下载",
    "相关文章",
    "上一篇：关于报名的通知",
    "下一篇：没有了",
    "上述个人信息经本人同意公开。",
    "版权所有：某市教育局",
]
KEPT = [
    "2.青年教师研修项目承办单位一览表",
    "一、主办单位：某市教育局",
    "（二）承办单位：某市教师发展学院",
    "各校要打印学时证明并存档。",
    "打印学时证明",
    "分享优秀案例",
    "分享到全市的优秀案例要注明来源。",
    "经费来源为市级财政。",
    "来源：市级财政专项经费；",
    "审核：由县区教育局在12月底前完成。",
    "请学员用微信扫码报名。",
    "阅读量不少于30万字。",
    "浏览次数不计入学时。",
    "2023-11-20 08:30前完成报名。",
    "返回学校后提交总结",
    "相关信息由学校填报",
]


@pytest.mark.parametrize("line", FURNITURE)
def test_a_line_of_the_page_goes(line: str) -> None:
    """Before the notice begins and after it is signed; within it, the same words would have a meaning."""
    signed = f"{BODY}某市教育局\n2022年2月28日\n"
    before, after = repair(f"{line}\n{signed}"), repair(f"{signed}{line}\n")
    assert before.text == after.text == signed
    assert before.changes == [Change("页面杂项", 0, 1, f"{line}\n", "")]
    assert after.changes == [Change("页面杂项", len(signed), 5, f"{line}\n", "")]
    within = f"各学校：\n一、学时\n{line}\n{signed}"
    assert repair(within).text == within


@pytest.mark.parametrize("line", KEPT)
def test_a_line_of_the_notice_stays(line: str) -> None:
    signed = f"{BODY}某市教育局\n2022年2月28日\n"
    for text in (f"{BODY}{line}\n各校遵照执行。", f"{line}\n{signed}", f"{signed}{line}\n"):
        assert repaired(text) == text


@pytest.mark.parametrize(
    "text", ["培训内容是什么?、怎么学?；", "是否满意?，是否合格?。", "?：表示待定", "乾县、瞭望塔、於潜镇的教师。"]
)
def test_odd_but_sound_text_stays(text: str) -> None:
    assert repaired(text) == text


# Numbers, days, brackets.


def test_brackets_of_a_number_come_back_where_the_page_names_the_year() -> None:
    made = repair(f"发布日期:2022-02-28\n岚教体发20225号\n{BODY}")
    assert made.text == f"岚教体发〔2022〕5号\n{BODY}"
    assert [change[:5] for change in made.changes if change.kind == "文号括号"] == [
        ("文号括号", 20, 2, "20225", "〔2022〕5")
    ]


@pytest.mark.parametrize("page", ["", "发布日期:2021-02-28\n", "发布日期:2025-02-28\n"])
def test_without_a_date_of_the_year_a_number_stays(page: str) -> None:
    assert "\n岚教体发20225号\n" in repaired(f"{BODY}{page}岚教体发20225号\n{BODY}")


@pytest.mark.parametrize("page", ["发文日期: 2022-02-28\n", f"{BODY}2022年2月28日起施行。\n"])
def test_a_day_comes_back_where_it_is_named_elsewhere(page: str) -> None:
    assert repaired(f"{page}{BODY}  2022年2月28\n").endswith("  2022年2月28日\n")


@pytest.mark.parametrize("page", ["", "发文日期: 2022-02-27\n", "发文日期: 2022-02\n"])
def test_a_day_that_is_named_nowhere_else_stays(page: str) -> None:
    assert repaired(f"{page}{BODY}  2022年2月28\n").endswith("  2022年2月28\n")


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("《教师队伍建设行动计划(2021—2024年》", "《教师队伍建设行动计划(2021—2024年)》"),
        ("《办法（试行》和《计划(2023)》", "《办法（试行）》和《计划(2023)》"),
    ],
)
def test_a_bracket_that_a_title_closes(cut: str, whole: str) -> None:
    assert repaired(f"按照{cut}执行。") == f"按照{whole}执行。"
    assert kinds(f"按照{cut}执行。") == {"缺失括号": 1}


# An advertisement over the name of a place.

SPAMMED = """澜教发〔2021〕7号

金彩体育 教育局
关于教师培训的意见
各县区教育局：
现就我市教师培训提出如下意见。
一、结合澜川实际，制定《金彩体育 教师培训办法》。
金彩体育 教育局
2021年3月20日
"""


def test_a_name_comes_back_where_the_text_proves_it() -> None:
    made = repair(SPAMMED)
    assert made.text == SPAMMED.replace("金彩体育 ", "澜川市")
    assert [change.before for change in made.changes] == ["金彩体育 "] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("澜教发〔2021〕7号\n", ""),
        ("结合澜川实际，", ""),
        ("我市", "全市"),
        ("我市", "我市、我县"),
        ("结合澜川实际", "结合澜川实际，借鉴澜江经验"),
    ],
)
def test_a_name_in_doubt_is_marked(one: str, other: str) -> None:
    text = SPAMMED.replace(one, other)
    mark = "〔此处名称被广告覆盖〕"
    assert mark in MARKS
    assert repaired(text) == text.replace("金彩体育 ", mark)


@pytest.mark.parametrize(
    "issuer", ["渭南市教育局", "渭南市 教育局", "新疆生产建设兵团教育局", "新疆生产建设兵团 教育局", "澜川 教育局"]
)
def test_an_issuer_that_is_a_place_stays(issuer: str) -> None:
    text = SPAMMED.replace("金彩体育 教育局", issuer).replace("金彩体育 ", issuer.split("教育局")[0])
    assert text.count(issuer.split("教育局")[0]) == 3
    assert repair(text).changes == []


# What is told of a change.

DAMAGED = {
    "编码损坏": "落实\ufffd经费保障。",
    "拼音注音": "各辖区(qū)、经(jīng)开区、事业(yè)单位。",
    "全角与部首字形": "每年不少于９０学时，⼈员不限。",
    "繁体转简体": "加強教師隊伍建設，著力提升培訓質量，完善經費保障機制。",
    "日期缺字": "2022年2月28",
    "文号括号": "岚教体发20225号",
    "缺失括号": "按照《行动计划(2021—2024年》执行。",
}


@given(st.permutations(list(DAMAGED)), st.lists(st.sampled_from(BODY.splitlines()), max_size=3))
@settings(max_examples=15)
def test_a_change_says_where_it_was_made(order: list[str], sound: list[str]) -> None:
    """Line and position are those of the text as read, however many changes went before."""
    lines = ["发文日期：2022-02-28", *sound, *(DAMAGED[kind] for kind in order)]
    text = "\n".join(lines)
    changes = repair(text).changes
    rows = {1: "页面杂项"} | {lines.index(line) + 1: kind for kind, line in DAMAGED.items()}
    assert {change.line: change.kind for change in changes} == rows
    for change in changes:
        assert text.count("\n", 0, change.position) + 1 == change.line
        assert text[change.position : change.position + len(change.before)] == change.before


def test_changes_of_one_place_point_there_one_and_all() -> None:
    """區(qū) loses its gloss first and its script after: what a later step found is not what was read."""
    text = "發布\n" + "經(jīng)開區(qū)，事業(yè)⼈員。\n為貫徹落實國務院關於教師隊伍建設"
    changes = repair(text).changes
    assert {(change.kind, change.line) for change in changes} == {
        ("繁体转简体", 1),
        ("繁体转简体", 3),
        ("全角与部首字形", 2),
        ("拼音注音", 2),
        ("繁体转简体", 2),
    }
    assert [text[change.position] for change in changes if change.kind == "拼音注音"] == ["("] * 3
    assert [change.position for change in changes] != sorted(change.position for change in changes)
