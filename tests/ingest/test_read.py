"""Policy documents as plain text: every format as real files, every way in which a file can be wrong."""

import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor
from docx.text.paragraph import Paragraph
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib import colors
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Table

from assistant.errors import InputError
from assistant.settings import SHIPPED_CORPUS
from ingest.reading import FORMATS, Hidden, documents, read_document

FONT = "STSong-Light"  # a font that every PDF reader has: none is embedded
pdfmetrics.registerFont(UnicodeCIDFont(FONT))
SENTENCES = sorted(
    {
        sentence
        for path in SHIPPED_CORPUS.glob("*/policy.md")
        for sentence in re.findall("[\u4e00-\u9fff，、；]{20,}。", path.read_text(encoding="utf-8"))
    }
)
TRADITIONAL = [
    "學校要為每位教師建立學時檔案，並在年底前核對一次，有出入的應當及時更正。",
    "教師參加外出學習的，由學校統一報名，回校後應當在教研組內作一次分享。",
    "新來的教師第一年由一位老教師帶領，期滿以後由學校評定。",
]
NOTICE = "各学校：\n　　一、学时\n　　每年不少于90学时。\n"


def write(folder: Path, content: str | bytes, name: str = "通知.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes, name: str = "通知.txt") -> str:
    """The text of a document in which nothing is hidden."""
    document = read_document(write(folder, content, name))
    assert document.hidden == []
    return document.text


def fault(path: Path) -> str:
    """The one line that reading the document ends in, without the file's name."""
    with pytest.raises(InputError) as caught:
        read_document(path)
    [line] = caught.value.problems
    assert "\n" not in line
    assert line.startswith(f"{path}：")
    return line.removeprefix(f"{path}：")


# Which files.


def test_files_and_folders_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b/2.PDF", "b/1.txt", "a.html", ".git/3.txt", "b/~$4.docx", "b/.5.txt", "6.xlsx", "c/d/7.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    named = tmp_path / "c/d/7.md"
    found = documents([named, tmp_path, tmp_path / "b"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["c/d/7.md", "a.html", "b/1.txt", "b/2.PDF"]


def test_all_that_is_wrong_with_the_paths_is_listed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/.hidden.txt").touch()
    paths = [write(tmp_path, "", name) for name in ("好.txt", "表.xlsx", "旧.doc")]
    with pytest.raises(InputError) as caught:
        documents([*paths, tmp_path / "无.txt", tmp_path / "empty"])
    told = [line.removeprefix(f"{tmp_path}/") for line in caught.value.problems]
    assert told == [
        "表.xlsx：不认识的格式，能读的是 docx、htm、html、md、pdf、txt。",
        "旧.doc：不读 .doc 格式，请用 Word 或 WPS 打开，另存为 docx。",
        "无.txt：文件或目录不存在，请核对路径。",
        "empty：目录里没有 docx、htm、html、md、pdf、txt 文件，请核对路径。",
    ]


@pytest.mark.parametrize("suffix", [".xlsx", ".doc"])
def test_another_format_is_refused_when_read_too(tmp_path: Path, suffix: str) -> None:
    assert "docx" in fault(write(tmp_path, "文", f"通知{suffix}"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert fault(tmp_path / "无.txt").startswith("无法读取")


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_a_file_over_20_mb_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, "", f"大{suffix}")
    with path.open("wb") as file:
        file.truncate(20 * 2**20 + 1)
    assert fault(path).startswith("文件超过 20 MB")


@pytest.mark.parametrize("name", ["空.txt", "空.md", "空.html"])
@pytest.mark.parametrize("content", ["", " \n　\n"])
def test_a_file_without_text_is_refused(tmp_path: Path, name: str, content: str) -> None:
    assert fault(write(tmp_path, content, name)) == "里面没有可以读到的文字，请核对文件。"


def test_a_file_whose_text_is_all_hidden_is_refused(tmp_path: Path) -> None:
    assert fault(write(tmp_path, "<p hidden>暗</p>", "页.html")) == "里面没有可以读到的文字，请核对文件。"


def test_importing_costs_none_of_the_libraries() -> None:
    script = "import sys, ingest.reading, ingest.hostile; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True).stdout
    assert "ingest.hostile" in loaded.split()
    assert not {"lxml", "docx", "pdfplumber", "pdfminer", "PIL", "sqlalchemy"} & set(loaded.split())


# Plain text.


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_utf8_comes_back_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    text = f"通知\t{text}\n\n 完 "
    assert read(tmp_path_factory.mktemp("utf8"), text) == text.removeprefix("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_every_encoding_of_the_mainland(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, NOTICE.encode(encoding)) == NOTICE


def test_utf16_of_either_end_first(tmp_path: Path) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert read(tmp_path, mark + NOTICE.encode(encoding)) == NOTICE


IDEOGRAPHS = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)


@given(st.text(IDEOGRAPHS, max_size=40), st.sampled_from(SENTENCES))
def test_chinese_in_gb18030_comes_back_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, rare: str, sentence: str
) -> None:
    text = f"{rare}\n{sentence}"
    assert read(tmp_path_factory.mktemp("gb"), text.encode("gb18030")) == text


@given(st.text(st.characters(codec="big5", categories=["Lo"]), max_size=40), st.sampled_from(TRADITIONAL))
def test_chinese_in_big5_comes_back_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, rare: str, sentence: str
) -> None:
    text = f"{rare}\n{sentence}"
    assert read(tmp_path_factory.mktemp("big5"), text.encode("big5")) == text


@pytest.mark.parametrize("sentence", TRADITIONAL)
def test_traditional_characters_in_gb18030_are_not_taken_for_big5(tmp_path: Path, sentence: str) -> None:
    assert read(tmp_path, sentence.encode("gb18030")) == sentence


def test_characters_that_only_hong_kong_has(tmp_path: Path) -> None:
    text = TRADITIONAL[0] + "大埗、鰂魚涌、深水埗、啫"
    with pytest.raises(UnicodeEncodeError):
        text.encode("cp950")
    assert read(tmp_path, text.encode("big5hkscs")) == text


def test_line_ends_are_made_one(tmp_path: Path) -> None:
    assert read(tmp_path, "甲\r\n乙\r丙\n丁") == "甲\n乙\n丙\n丁"


@pytest.mark.parametrize("name", ["通知.txt", "通知.md", "通知.html"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (NOTICE.encode() + b"\0", "不是文本文件"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 9, "不是文本文件"),
        (b"\x01\x02 \x03" * 9, "不是文本文件"),
        (NOTICE.encode("utf-16-le"), "不是文本文件"),
        (NOTICE.encode("gb18030") + b"\xff", "编码不是 UTF-8、UTF-16、GB18030、Big5 中的任何一种"),
        ((NOTICE * 9).encode()[:-2], "第 27 行有坏字节，其余是 UTF-8"),
        (b"\xef\xbb\xbf" + NOTICE.encode("gb18030"), "开头标明是 UTF-8"),
        (b"\xff\xfe" + b"\0\xd8\0\xd8", "开头标明是 UTF-16"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    assert fault(write(tmp_path, content, name)).startswith(told)


# Markdown.

MARKDOWN = "# 一、学时\n\n- 不少于90学时\n1. 甲\n\n---\n\n**乙** [丙](http://x.example)\n"


def test_markdown_stays_as_it_is(tmp_path: Path) -> None:
    assert read(tmp_path, MARKDOWN, "通知.md") == MARKDOWN


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_front_matter_goes(tmp_path: Path, end: str) -> None:
    head = "---\nid: some-city\n# 注\n文号: null\nlist:\n  - 甲\n- 乙\n\n---\n"
    assert read(tmp_path, (head + MARKDOWN).replace("\n", end), "通知.md") == MARKDOWN
    assert read(tmp_path, head + MARKDOWN) == head + MARKDOWN  # in plain text it is text


@pytest.mark.parametrize("text", ["---\n各学校：\n---\n正文\n", "---\nid: 1\n正文\n", "正文\n---\nid: 1\n---\n"])
def test_a_line_across_the_page_begins_no_front_matter(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text, "通知.md") == text


# HTML.


def html(folder: Path, body: str) -> str:
    return read(folder, f"<!DOCTYPE html><html><head><title>题</title></head><body>{body}</body></html>", "页.html")


def hidden_in(folder: Path, body: str) -> tuple[str, list[Hidden]]:
    document = read_document(write(folder, body, "页.html"))
    return document.text, document.hidden


def test_blocks_and_breaks_end_lines(tmp_path: Path) -> None:
    body = "<h1>关于\n印发的<b>通知</b></h1>各学校：<div>一、<span>学时</span><br>不少于\n <b>90</b> 学时</div>尾"
    assert html(tmp_path, body + "<p>甲<p>乙<hr>丙").split("\n") == [
        "关于印发的通知",
        "各学校：",
        "一、学时",
        "不少于 90 学时",
        "尾",
        "甲",
        "乙",
        "丙",
    ]


def test_spaces_are_those_that_a_browser_shows(tmp_path: Path) -> None:
    assert html(tmp_path, "<p>&nbsp;&nbsp;　　Word\n and  WPS&nbsp;均可　</p>") == "Word and WPS 均可"


def test_what_is_no_text_of_the_page_goes(tmp_path: Path) -> None:
    body = "甲<script>1</script><style>2</style><noscript>3</noscript><template>4</template><!-- 5 -->乙"
    assert html(tmp_path, body) == "甲乙"


def test_links_keep_their_text(tmp_path: Path) -> None:
    body = '见<a href="http://evil.example/">附件</a>和<a href="http://y.example">http://www.smartedu.cn</a>。'
    assert html(tmp_path, body) == "见附件和http://www.smartedu.cn。"


def test_ordered_lists_show_their_numbers(tmp_path: Path) -> None:
    body = "<ol><li>甲<ul><li>子</ul><li><p>乙</p><p>又</p></ol><ol start=5><li>丙</ol>"
    assert html(tmp_path, body).split("\n") == ["1. 甲", "子", "2. 乙", "又", "5. 丙"]


def test_a_row_is_a_line_and_a_cell_over_rows_stands_in_each(tmp_path: Path) -> None:
    body = """<table><caption>学时表</caption>
        <tr><th>科目<th>来源<th>上限</tr>
        <tr><td rowspan="2">专业<br>科目</td><td><p>镇级</p></td><td rowspan=3>12|18</td></tr>
        <tr><td>教研室</td></tr><tr><td colspan=2>合计</td></tr><tr><td></td><td> </td></tr></table>后"""
    assert html(tmp_path, body).split("\n") == [
        "学时表",
        "| 科目 | 来源 | 上限 |",
        "| 专业 科目 | 镇级 | 12｜18 |",
        "| 专业 科目 | 教研室 | 12｜18 |",
        "| 合计 | 12｜18 |",
        "后",
    ]


def test_cells_that_span_without_end_do_not_pile_up(tmp_path: Path) -> None:
    lines = html(tmp_path, f"<table>{'<tr><td rowspan=999>甲<td>乙' * 300}</table>").split("\n")
    assert len(lines) == 300
    assert max(line.count("甲") for line in lines) == 65


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td>{}</td></tr></table>",
        "<table><tr><td>栏<td><table><tr><td>{}</table></table>",
        "<table><tr><td>栏</td><td>{}" + "<p>很长的正文。</p>" * 100 + "</td></tr></table>",
    ],
)
def test_a_table_that_lays_out_the_page_makes_no_rows(tmp_path: Path, table: str) -> None:
    lines = html(tmp_path, table.format("<p>一、学时</p><p>二、经费</p>")).split("\n")
    assert [line for line in lines if "、" in line] == ["一、学时", "二、经费"]


@pytest.mark.parametrize(
    ("attribute", "kind"),
    [
        ("hidden", "隐藏文字"),
        ('style="display:none"', "隐藏文字"),
        ('style="color:red; DISPLAY : None !important"', "隐藏文字"),
        ('style="visibility: hidden"', "隐藏文字"),
        ('style="opacity:0.0"', "隐藏文字"),
        ('style="position:absolute;left:-9999px"', "隐藏文字"),
        ('aria-hidden="true"', "隐藏文字"),
        ('style="font-size:0"', "极小文字"),
        ('style="font-size:0.5px"', "极小文字"),
        ('style="color:white"', "白色文字"),
        ('style="color:#FFF"', "白色文字"),
        ('style="color:#fefefe"', "白色文字"),
        ('style="color: rgb(255, 255, 255)"', "白色文字"),
        ('style="color:transparent"', "白色文字"),
        ('style="color:#ffffff;background-color: rgb(255, 255, 255)"', "白色文字"),
        ('bgcolor="#FFFFFF" style="color:#fff"', "白色文字"),
    ],
)
def test_what_nobody_sees_is_taken_out_and_told(tmp_path: Path, attribute: str, kind: str) -> None:
    text, hidden = hidden_in(tmp_path, f"<p>甲<span {attribute}>暗<b>中</b></span>乙</p><p {attribute}> </p>")
    assert text == "甲乙"
    assert hidden == [Hidden(kind, "暗中")]


@pytest.mark.parametrize(
    "attribute",
    [
        'style="opacity:0.8"',
        'style="font-size:0.9em"',
        'style="color:#fff;background:#003366"',
        'style="color:white" bgcolor="red"',
        'style="color:#ff0000"',
        'aria-hidden="false"',
        'style="display:block"',
    ],
)
def test_what_can_be_seen_stays(tmp_path: Path, attribute: str) -> None:
    assert html(tmp_path, f"<p>甲<span {attribute}>明</span>乙</p>") == "甲明乙"


def test_what_is_inside_may_be_seen_again(tmp_path: Path) -> None:
    body = '<div style="color:white;font-size:0">暗<p style="color:#333;font-size:16px">明</p></div>'
    assert hidden_in(tmp_path, body) == ("明", [Hidden("白色文字", "暗")])
    body = '<div style="background:#036"><p style="color:#fff">标题</p></div>'
    assert html(tmp_path, body) == "标题"
    body = '<div hidden>暗<p style="color:#333;display:block">还是暗</p></div>明'
    assert hidden_in(tmp_path, body) == ("明", [Hidden("隐藏文字", "暗还是暗")])


def test_hidden_text_is_told_by_its_beginning(tmp_path: Path) -> None:
    [hidden] = hidden_in(tmp_path, f"明<p hidden>{'长' * 200}</p>")[1]
    assert hidden.text == "长" * 80 + "…"


@pytest.mark.parametrize("named", ["gb2312", "big5", "utf-8", "no-such-thing", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_charset_is_a_hint(tmp_path: Path, named: str, encoding: str) -> None:
    page = f'<?xml version="1.0" encoding="{named}"?><html><meta charset="{named}"><p>{SENTENCES[0]}</p></html>'
    assert read(tmp_path, page.encode(encoding), "页.htm") == SENTENCES[0]


def test_in_doubt_the_charset_decides(tmp_path: Path) -> None:
    name = "吳旭旭"  # no character that either reading would favour
    page = '<meta charset="{}"><p>{}</p>'
    assert read(tmp_path, page.format("big5", name).encode("big5"), "页.html") == name
    assert read(tmp_path, page.format("gb2312", name).encode("big5"), "页.html") != name


def test_entities_of_other_files_are_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path, "机密", "secret.txt")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><p>明&x;</p>'
    assert "机密" not in read(tmp_path, page, "页.html")


def test_deep_nesting_reads_on_or_says_so(tmp_path: Path) -> None:
    assert html(tmp_path, "<div>" * 1000 + "深" + "</div>" * 1000 + "<p>后") == "深\n后"
    page = write(tmp_path, "<div>" * 200_000 + "深" + "</div>" * 200_000 + "<p>后", "深.html")
    assert fault(page).startswith("标签嵌套过深")


# Word.


def saved(document: docx.document.Document) -> bytes:
    content = BytesIO()
    document.save(content)
    return content.getvalue()


def word(folder: Path, document: docx.document.Document) -> list[str]:
    """The lines of a document in which nothing is hidden."""
    return read(folder, saved(document), "通知.docx").split("\n")


def hidden_in_word(folder: Path, document: docx.document.Document) -> tuple[list[str], list[Hidden]]:
    found = read_document(write(folder, saved(document), "通知.docx"))
    return found.text.split("\n"), found.hidden


def add_list(document: docx.document.Document, *levels: tuple[str, str], extra: str = "") -> int:
    """A new list whose levels have these formats and texts; the number by which paragraphs use it."""
    root = document.part.numbering_part.element
    number = len(root) + 100
    body = "".join(
        f'<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{extra}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for place, (form, text) in enumerate(levels)
    )
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">{body}</w:abstractNum>'))
    return use_list(document, number)


def use_list(document: docx.document.Document, number: int, start: int | None = None, level: int = 0) -> int:
    """A further use of a list, that begins anew at `start`."""
    root = document.part.numbering_part.element
    use = number + 100 + len(root)
    override = (
        f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{start}"/></w:lvlOverride>'
        if start is not None
        else ""
    )
    xml = f'<w:num {nsdecls("w")} w:numId="{use}"><w:abstractNumId w:val="{number}"/>{override}</w:num>'
    root.append(parse_xml(xml))
    return use


def add_item(document: docx.document.Document, text: str, use: int, level: int = 0) -> Paragraph:
    paragraph = document.add_paragraph(text)
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_numId().val = use
    properties.get_or_add_ilvl().val = level
    return paragraph


def list_of(document: docx.document.Document, use: int) -> int:
    root = document.part.numbering_part.element
    return int(root.num_having_numId(use).abstractNumId.val)


def test_paragraphs_and_tables_stand_in_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("关于培训的通知")
    rows = [
        ["科目", "来源", "上限"],
        ["专业", "镇级", "12|18"],
        ["", "教研室", "6"],
        ["合计\n（两项）", "", "18"],
        ["其中", "省级", ""],
    ]
    table = document.add_table(len(rows), 3)
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(3, 0).merge(table.cell(3, 1))
    table.cell(3, 2).merge(table.cell(4, 2))
    document.add_paragraph("各学校：\t见表。\n完")
    assert word(tmp_path, document) == [
        "关于培训的通知",
        "| 科目 | 来源 | 上限 |",
        "| 专业 | 镇级 | 12｜18 |",
        "| 专业 | 教研室 | 6 |",
        "| 合计（两项） | 18 |",
        "| 其中 | 省级 | 18 |",
        "各学校：\t见表。",
        "完",
    ]


def test_a_table_of_one_column_is_a_frame(tmp_path: Path) -> None:
    document = docx.Document()
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "一、学时"
    inner = cell.add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "镇级", "12"
    cell.add_paragraph("二、经费")
    assert word(tmp_path, document) == ["一、学时", "| 镇级 | 12 |", "二、经费"]


def test_numbers_are_those_that_word_shows(tmp_path: Path) -> None:
    document = docx.Document()
    use = add_list(document, ("chineseCounting", "%1、"), ("chineseCountingThousand", "（%2）"), ("decimal", "%3."))
    for text, level in [("甲", 0), ("乙", 1), ("丙", 2), ("丁", 2), ("戊", 1), ("己", 2), ("庚", 0), ("辛", 1)]:
        add_item(document, text, use, level)
        document.add_paragraph("正文。")
    lines = [line for line in word(tmp_path, document) if line != "正文。"]
    assert lines == ["一、甲", "（一）乙", "1. 丙", "2. 丁", "（二）戊", "1. 己", "二、庚", "（一）辛"]


def test_a_number_may_hold_those_above_it(tmp_path: Path) -> None:
    document = docx.Document()
    use = add_list(document, ("chineseCounting", "第%1章"), ("decimal", "%1.%2"))
    arabic = add_list(document, ("chineseCounting", "第%1章"), ("decimal", "%1.%2"), extra="<w:isLgl/>")
    for text, one, level in [
        ("甲", use, 0),
        ("5学时", use, 1),
        ("乙", arabic, 1),
        ("丙", arabic, 0),
        ("丁", arabic, 1),
    ]:
        add_item(document, text, one, level)
    assert word(tmp_path, document) == ["第一章 甲", "一.1 5学时", "1.1 乙", "第2章 丙", "2.1 丁"]


def test_uses_of_one_list_count_on_and_an_override_begins_anew(tmp_path: Path) -> None:
    document = docx.Document()
    first = add_list(document, ("chineseCounting", "%1、"))
    second = use_list(document, list_of(document, first))
    anew = use_list(document, list_of(document, first), start=7)
    other = add_list(document, ("chineseCounting", "%1、"))
    for use in (first, second, anew, anew, first, other):
        add_item(document, "条", use)
    assert [line[0] for line in word(tmp_path, document)] == list("一二七八九一")


def test_a_level_may_never_begin_anew(tmp_path: Path) -> None:
    document = docx.Document()
    use = add_list(
        document, ("chineseCounting", "第%1章"), ("chineseCounting", "第%2条"), extra='<w:lvlRestart w:val="0"/>'
    )
    for level in (0, 1, 1, 0, 1):
        add_item(document, "文", use, level)
    assert word(tmp_path, document) == ["第一章 文", "第一条 文", "第二条 文", "第二章 文", "第三条 文"]


@pytest.mark.parametrize(
    ("form", "number", "shown"),
    [
        ("chineseCounting", 10, "十"),
        ("chineseCounting", 11, "十一"),
        ("chineseCountingThousand", 20, "二十"),
        ("chineseCountingThousand", 101, "一百零一"),
        ("chineseCountingThousand", 110, "一百一十"),
        ("chineseCountingThousand", 3005, "三千零五"),
        ("chineseCountingThousand", 10000, "10000"),
        ("ideographDigital", 12, "一二"),
        ("chineseLegalSimplified", 12, "壹拾贰"),
        ("ideographTraditional", 2, "乙"),
        ("ideographZodiac", 12, "亥"),
        ("ideographTraditional", 11, "11"),
        ("decimal", 12, "12"),
        ("decimalZero", 3, "03"),
        ("decimalFullWidth", 12, "１２"),
        ("decimalEnclosedCircleChinese", 20, "⑳"),
        ("decimalEnclosedCircle", 21, "㉑"),
        ("decimalEnclosedParen", 3, "⑶"),
        ("upperRoman", 49, "XLIX"),
        ("lowerLetter", 28, "bb"),
        ("bullet", 3, ""),
        ("none", 3, ""),
        ("something-new", 3, "3"),
    ],
)
def test_formats_of_numbers(tmp_path: Path, form: str, number: int, shown: str) -> None:
    document = docx.Document()
    use = add_list(document, (form, "%1、" if shown else "%1"))
    add_item(document, "文", use_list(document, list_of(document, use), start=number))
    assert word(tmp_path, document) == [f"{shown}、文" if shown else "文"]


def test_a_number_may_come_by_a_style(tmp_path: Path) -> None:
    document = docx.Document()
    extra = '<w:pStyle w:val="Heading1"/>'
    use = add_list(document, ("chineseCounting", "%1、"), extra=extra)
    properties = document.styles["Heading 1"].element.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_numId().val = use
    based = document.styles.add_style("某题", 1)
    based.base_style = document.styles["Heading 1"]
    document.add_paragraph("甲", style="Heading 1")
    document.add_paragraph("乙", style="某题")
    unnumbered = document.add_paragraph("丙", style="Heading 1")
    unnumbered._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = 0
    document.add_paragraph("丁", style="Heading 1")
    assert word(tmp_path, document) == ["一、甲", "二、乙", "丙", "三、丁"]


def test_a_use_may_bring_a_level_of_its_own_and_counts_along(tmp_path: Path) -> None:
    document = docx.Document()
    first = add_list(document, ("chineseCounting", "%1、"))
    own = use_list(document, list_of(document, first), start=1)
    override = document.part.numbering_part.element.num_having_numId(own).find(qn("w:lvlOverride"))
    override[:] = [
        parse_xml(
            f'<w:lvl {nsdecls("w")} w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/>'
            '<w:lvlText w:val="第%1条"/></w:lvl>'
        )
    ]
    for use in (first, own, first):
        add_item(document, "文", use)
    assert word(tmp_path, document) == ["一、文", "第2条 文", "三、文"]


def test_a_list_may_be_that_of_a_style(tmp_path: Path) -> None:
    document = docx.Document()
    behind = add_list(document, ("chineseCounting", "%1、"))
    style = document.styles.add_style("某列", 4).element  # a style of lists
    number = f'<w:pPr {nsdecls("w")}><w:numPr><w:numId w:val="{behind}"/></w:numPr></w:pPr>'
    style.append(parse_xml(number))
    link = (
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="999"><w:numStyleLink w:val="{style.styleId}"/></w:abstractNum>'
    )
    document.part.numbering_part.element.insert(0, parse_xml(link))
    use = use_list(document, 999)
    for _ in range(2):
        add_item(document, "文", use)
    assert word(tmp_path, document) == ["一、文", "二、文"]


def test_a_document_without_any_list(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("文")
    part = document.part
    for name in [name for name, one in part.rels.items() if one.reltype.endswith("/numbering")]:
        del part.rels[name]
    assert word(tmp_path, document) == ["文"]


def test_changes_are_taken_as_accepted(tmp_path: Path) -> None:
    document = docx.Document()
    run = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
    changed = (
        f'<w:p {nsdecls("w")}>{run.format("不少于")}<w:del w:id="1"><w:r><w:delText>60</w:delText><w:br/></w:r></w:del>'
        f'<w:ins w:id="2">{run.format("90")}</w:ins><w:moveFrom w:id="3">{run.format("旧")}</w:moveFrom>'
        f'<w:moveTo w:id="4">{run.format("学时")}</w:moveTo><w:hyperlink>{run.format("。附件")}</w:hyperlink></w:p>'
    )
    joined = f'<w:p {nsdecls("w")}><w:pPr><w:rPr><w:del w:id="5"/></w:rPr></w:pPr>{run.format("前半，")}</w:p>'
    use = add_list(document, ("chineseCounting", "%1、"))
    gone = add_item(document, "", use)
    gone._p.get_or_add_pPr().append(parse_xml(f'<w:rPr {nsdecls("w")}><w:del w:id="6"/></w:rPr>'))
    add_item(document, "总则", use)
    body = document.element.body
    for xml in (changed, joined):
        body.insert(len(body) - 1, parse_xml(xml))
    document.add_paragraph("后半。")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 0).text = "删", "留"
    table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f'<w:del {nsdecls("w")} w:id="7"/>'))
    assert word(tmp_path, document) == ["一、总则", "不少于90学时。附件", "前半，后半。", "| 留 |  |"]


def test_controls_fields_and_text_boxes_are_read_and_drawn_once(tmp_path: Path) -> None:
    document = docx.Document()
    spaces = f'{nsdecls("w", "wp", "a")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = "<w:txbxContent><w:p><w:r><w:t>某市教育局</w:t></w:r></w:p></w:txbxContent>"
    body = document.element.body
    for xml in [
        f"<w:p {spaces}><w:r><w:t>文号</w:t><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}"
        "</mc:Fallback></mc:AlternateContent></w:r></w:p>",
        f"<w:sdt {spaces}><w:sdtContent><w:p><w:r><w:t>控件</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        f'<w:p {spaces}><w:fldSimple w:instr="DATE"><w:r><w:instrText>DATE</w:instrText><w:t>2023年</w:t></w:r>'
        "</w:fldSimple><w:r><w:noBreakHyphen/><w:ruby><w:rt><w:r><w:t>pin</w:t></w:r></w:rt><w:rubyBase><w:r>"
        "<w:t>拼</w:t></w:r></w:rubyBase></w:ruby></w:r></w:p>",
    ]:
        body.insert(len(body) - 1, parse_xml(xml))
    assert word(tmp_path, document) == ["文号", "某市教育局", "控件", "2023年-拼"]


def shade(properties: docx.oxml.xmlchemy.BaseOxmlElement, fill: str) -> None:
    properties.append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{fill}"/>'))


@pytest.mark.parametrize("color", ["FFFFFF", "FEFEFE"])
def test_white_text_in_word(tmp_path: Path, color: str) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("明")
    for text in ("暗", "中"):
        paragraph.add_run(text).font.color.rgb = RGBColor.from_string(color)
    paragraph.add_run("文")
    assert hidden_in_word(tmp_path, document) == (["明文"], [Hidden("白色文字", "暗中")])


def test_white_text_on_a_dark_ground_can_be_seen(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(1, 2)
    paragraphs = [cell.paragraphs[0] for cell in table.rows[0].cells]
    paragraphs += [document.add_paragraph(), document.add_paragraph(), document.add_paragraph()]
    runs = [paragraph.add_run("字") for paragraph in paragraphs]
    for run in runs:
        run.font.color.rgb = RGBColor(255, 255, 255)
    shade(table.cell(0, 0)._tc.get_or_add_tcPr(), "1F3864")
    shade(paragraphs[2]._p.get_or_add_pPr(), "C00000")
    shade(runs[3]._r.get_or_add_rPr(), "C00000")
    shade(paragraphs[4]._p.get_or_add_pPr(), "FFFFFF")
    assert hidden_in_word(tmp_path, document) == (["| 字 |  |", "字", "字"], [Hidden("白色文字", "字")] * 2)


def test_hidden_and_tiny_text_in_word(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("明")
    paragraph.add_run("藏").font.hidden = True
    paragraph.add_run("微").font.size = Pt(1)
    style = document.styles.add_style("暗", 2)
    style.font.hidden = True
    paragraph.add_run("随式", style="暗")
    shown = paragraph.add_run("文", style="暗")
    shown.font.hidden = False
    lines, hidden = hidden_in_word(tmp_path, document)
    assert lines == ["明文"]
    assert hidden == [Hidden("隐藏文字", "藏"), Hidden("极小文字", "微"), Hidden("隐藏文字", "随式")]


def test_a_hidden_item_takes_no_number(tmp_path: Path) -> None:
    document = docx.Document()
    use = add_list(document, ("chineseCounting", "%1、"))
    add_item(document, "甲", use)
    gone = add_item(document, "", use)
    gone.add_run("藏").font.hidden = True
    gone._p.get_or_add_pPr().append(parse_xml(f"<w:rPr {nsdecls('w')}><w:vanish/></w:rPr>"))
    add_item(document, "乙", use)
    assert hidden_in_word(tmp_path, document) == (["一、甲", "二、乙"], [Hidden("隐藏文字", "藏")])


def repacked(content: bytes, **changes: bytes) -> bytes:
    """A docx with some of its parts, named by their file's name without the suffix, replaced."""
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, changes.get(Path(name).stem, old.read(name)))
    return packed.getvalue()


def test_entities_in_word_are_not_read(tmp_path: Path) -> None:
    secret = write(tmp_path, "机密", "secret.txt")
    xml = (
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]><w:document {nsdecls("w")}><w:body><w:p><w:r>'
        "<w:t>明</w:t><w:t>&x;</w:t></w:r></w:p></w:body></w:document>"
    )
    document = docx.Document()
    content = repacked(saved(document), document=xml.encode())
    assert read(tmp_path, content, "通知.docx") == "明"


def bomb() -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package, package.open("word/document.xml", "w") as part:
        for _ in range(201):
            part.write(bytes(2**20))
    return packed.getvalue()


def encrypted_zip() -> bytes:
    """A zip whose directory says that its first file is encrypted."""
    content = bytearray(saved(docx.Document()))
    place = content.rindex(b"PK\x01\x02")
    content[place + 8] |= 1
    return bytes(content)


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: b"", "不是 docx 文件，或已损坏"),
        (lambda: "各学校：".encode(), "不是 docx 文件，或已损坏"),
        (lambda: saved(docx.Document())[:5000], "不是 docx 文件，或已损坏"),
        (lambda: OLE + "WordDocument".encode("utf-16-le"), "是旧版 Word 文档（.doc）"),
        (lambda: OLE + "EncryptedPackage".encode("utf-16-le"), "加了密码"),
        (encrypted_zip, "加了密码"),
        (bomb, "解压后超过 200 MB"),
        (lambda: repacked(saved(docx.Document()), document=b"<w:document>"), "内容已损坏，或者并不是 .docx 文件"),
        (lambda: repacked(saved(docx.Document()), document=b"<p>" * 999 + b"</p>" * 999), "内容已损坏"),
        (lambda: saved(docx.Document()), "里面没有可以读到的文字"),
    ],
)
def test_what_is_no_document_of_word_is_refused(tmp_path: Path, make: Callable[[], bytes], told: str) -> None:
    assert fault(write(tmp_path, make(), "通知.docx")).startswith(told)


# PDF. A4 upright, 16 points a letter, 24 letters a line from 90 points on.

LEFT, TOP, SIZE, LEADING, LETTERS = 90, 720, 16, 28, 26
PARAGRAPH = "".join(SENTENCES)[: LETTERS * 3 + 9]


class Pages:
    """A PDF on its way: lines from the top of each page to its bottom."""

    def __init__(self, **settings: object) -> None:
        self._content = BytesIO()
        self.canvas = Canvas(self._content, pagesize=(595, 842), **settings)
        self.y = TOP

    def line(self, text: str, x: float = LEFT, y: float | None = None, size: float = SIZE) -> None:
        if y is None:
            y, self.y = self.y, self.y - LEADING
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, y, text)

    def paragraph(self, text: str) -> None:
        """Set like a notice: two letters indented, every line full but the last."""
        self.line(text[: LETTERS - 2], LEFT + 2 * SIZE)
        for start in range(LETTERS - 2, len(text), LETTERS):
            self.line(text[start : start + LETTERS])

    def invisible(self, text: str) -> None:
        written = self.canvas.beginText(LEFT, self.y)
        written.setFont(FONT, SIZE)
        written.setTextRenderMode(3)
        written.textLine(text)
        written.setTextRenderMode(0)
        self.canvas.drawText(written)
        self.y -= LEADING

    def picture(self, width: float = 595, height: float = 842) -> None:
        self.canvas.drawImage(ImageReader(Image.new("RGB", (60, 80), "beige")), 0, 0, width, height)

    def table(
        self,
        rows: Sequence[Sequence[str]],
        style: Sequence[tuple[object, ...]] = (),
        grid: Sequence[tuple[object, ...]] = (("GRID", (0, 0), (-1, -1), 1, colors.black),),
    ) -> None:
        table = Table(rows, style=[("FONT", (0, 0), (-1, -1), FONT, 12), *grid, *style])
        _, height = table.wrapOn(self.canvas, 400, 400)
        table.drawOn(self.canvas, LEFT, self.y + SIZE - height)
        self.y -= height + LEADING

    def turn(self) -> None:
        self.canvas.showPage()
        self.y = TOP

    def content(self) -> bytes:
        self.canvas.save()
        return self._content.getvalue()


def pdf(folder: Path, pages: Pages) -> list[str]:
    """The lines of a PDF in which nothing is hidden."""
    return read(folder, pages.content(), "通知.pdf").split("\n")


def hidden_in_pdf(folder: Path, pages: Pages) -> tuple[list[str], list[Hidden]]:
    found = read_document(write(folder, pages.content(), "通知.pdf"))
    return found.text.split("\n"), found.hidden


def test_wrapped_lines_are_paragraphs_again(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("某市教师培训办法", 200, size=22)
    pages.line("各学校：")
    pages.paragraph(PARAGRAPH)
    pages.paragraph("一、学时")
    pages.paragraph(PARAGRAPH[: LETTERS - 2])  # full to the margin, and yet its end
    pages.paragraph(PARAGRAPH[::-1])
    assert pdf(tmp_path, pages) == [
        "某市教师培训办法",
        "各学校：",
        PARAGRAPH,
        "一、学时",
        PARAGRAPH[: LETTERS - 2],
        PARAGRAPH[::-1],
    ]


@pytest.mark.parametrize("item", ["二、经费", "（二）经费", "(2)经费", "2.经费", "第二条 经费", "附件2", "②经费"])
def test_a_number_begins_a_paragraph_where_nothing_is_indented(tmp_path: Path, item: str) -> None:
    pages = Pages()
    pages.line(PARAGRAPH[:LETTERS])
    pages.line(item)
    assert pdf(tmp_path, pages) == [PARAGRAPH[:LETTERS], item]


@pytest.mark.parametrize("rest", ["2.5学时", "第二批教师", "2023年完成"])
def test_a_figure_begins_none(tmp_path: Path, rest: str) -> None:
    pages = Pages()
    pages.line(PARAGRAPH[:LETTERS])
    pages.line(rest)
    assert pdf(tmp_path, pages) == [PARAGRAPH[:LETTERS] + rest]


def test_a_gap_begins_a_paragraph(tmp_path: Path) -> None:
    pages = Pages()
    for _ in range(2):
        for start in range(0, LETTERS * 3, LETTERS):
            pages.line(PARAGRAPH[start : start + LETTERS])
        pages.y -= LEADING
    assert pdf(tmp_path, pages) == [PARAGRAPH[: LETTERS * 3]] * 2


def test_words_of_latin_letters_keep_their_space(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("x" * 46 + " Word")
    pages.line("and WPS")
    assert pdf(tmp_path, pages) == ["x" * 46 + " Word and WPS"]


def test_a_paragraph_goes_on_over_the_page(tmp_path: Path) -> None:
    pages = Pages()
    half = LETTERS * 2 - 2
    pages.paragraph(PARAGRAPH[:half])
    pages.line("- 1 -", 280, 60, 12)
    pages.turn()
    for start in range(half, len(PARAGRAPH), LETTERS):
        pages.line(PARAGRAPH[start : start + LETTERS])
    pages.line("- 2 -", 280, 60, 12)
    assert pdf(tmp_path, pages) == [PARAGRAPH]


@pytest.mark.parametrize("form", ["- {} -", "— {} —", "第{}页 共3页", "第 {} 页，共 3 页", "{}", "{}/3", "·{}·"])
@pytest.mark.parametrize("y", [50, 810])
def test_page_numbers_go(tmp_path: Path, form: str, y: float) -> None:
    pages = Pages()
    for number in (1, 2, 3):
        pages.line(form.format(number), 280, y, 12)
        pages.line(f"第{number}条 学时")
        pages.line(str(number))  # stands in the text, so it is text
        pages.turn()
    assert pdf(tmp_path, pages) == [line for number in (1, 2, 3) for line in (f"第{number}条 学时", str(number))]


def test_heads_and_feet_of_most_pages_go(tmp_path: Path) -> None:
    pages = Pages()
    for number in (1, 2, 3, 4):
        if number > 1:
            pages.line("某市教育局文件", 90, 800, 10)
        pages.line(f"某市教育局 第{number}页", 400, 40, 10)
        pages.line(f"附件{number}", y=780)  # near the edge, but no two are alike
        pages.line("正文。")
        pages.turn()
    assert pdf(tmp_path, pages) == [line for number in (1, 2, 3, 4) for line in (f"附件{number}", "正文。")]


def test_what_stands_on_few_pages_stays(tmp_path: Path) -> None:
    pages = Pages()
    for number in range(5):
        pages.line("续表" if number in (2, 3) else f"附件{number}", y=800)
        pages.turn()
    assert pdf(tmp_path, pages) == ["附件0", "附件1", "续表", "续表", "附件4"]


def test_what_stands_once_at_the_edge_stays(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("某市教育局文件", y=800)
    pages.line("正文。")
    pages.turn()
    pages.line("某市教育局", y=50)
    assert pdf(tmp_path, pages) == ["某市教育局文件", "正文。", "某市教育局"]


def test_tables_are_rows_and_a_cell_over_rows_stands_in_each(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("学时表")
    rows = [["科目", "来源", "上限"], ["专业\n科目", "镇级", "12"], ["", "教研室", "6"], ["合计", "", "18"]]
    pages.table(rows, [("SPAN", (0, 1), (0, 2)), ("SPAN", (0, 3), (1, 3))])
    pages.line("完")
    assert pdf(tmp_path, pages) == [
        "学时表",
        "| 科目 | 来源 | 上限 |",
        "| 专业科目 | 镇级 | 12 |",
        "| 专业科目 | 教研室 | 6 |",
        "| 合计 | 18 |",
        "完",
    ]


def test_a_full_line_does_not_run_into_a_table(tmp_path: Path) -> None:
    pages = Pages()
    for start in (0, LETTERS):
        pages.line(PARAGRAPH[start : start + LETTERS])
    pages.table([["科目", "上限"]])
    assert pdf(tmp_path, pages) == [PARAGRAPH[: LETTERS * 2], "| 科目 | 上限 |"]


def test_text_beside_the_cells_of_a_table_is_not_lost(tmp_path: Path) -> None:
    pages = Pages()
    corner_less = [("GRID", (1, 0), (-1, 0), 1, colors.black), ("GRID", (0, 1), (-1, -1), 1, colors.black)]
    pages.table([["科目", "来源", "上限"], ["专业", "镇级", "12"]], grid=corner_less)
    assert sorted(pdf(tmp_path, pages)) == ["| 专业 | 镇级 | 12 |", "| 来源 | 上限 |", "科目"]


def test_a_frame_around_text_is_no_table(tmp_path: Path) -> None:
    pages = Pages()
    pages.table([["一、学时"], ["二、经费"]])
    assert pdf(tmp_path, pages) == ["一、学时", "二、经费"]


def test_text_printed_twice_to_be_bold_is_read_once(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("人人重视", y=500)
    pages.line("人人重视", LEFT + 0.4, y=500)
    assert pdf(tmp_path, pages) == ["人人重视"]


def test_what_nobody_sees_in_a_pdf_is_taken_out_and_told(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("明一")
    pages.canvas.setFillColorRGB(1, 1, 1)
    pages.line("白")
    pages.canvas.setFillGray(1)
    pages.line("灰")
    pages.canvas.setFillColorCMYK(0, 0, 0, 0)
    pages.line("无墨")
    pages.canvas.setFillColorRGB(0, 0, 0)
    pages.line("明二")
    pages.invisible("不画")
    pages.line("微", size=0.5)
    pages.line("页外", 700)
    pages.canvas.saveState()
    pages.canvas.rotate(45)
    pages.line("水印", 400, 100)
    pages.canvas.restoreState()
    lines, hidden = hidden_in_pdf(tmp_path, pages)
    assert lines == ["明一", "明二"]
    assert hidden == [
        Hidden("白色文字", "白灰无墨"),
        Hidden("不可见文字", "不画"),
        Hidden("极小文字", "微"),
        Hidden("页面外文字", "页外"),
        Hidden("斜置的水印", "水印"),
    ]


def test_white_text_on_a_dark_ground_in_a_pdf_can_be_seen(tmp_path: Path) -> None:
    pages = Pages()
    head = [("BACKGROUND", (0, 0), (-1, 0), colors.navy), ("TEXTCOLOR", (0, 0), (-1, 0), colors.white)]
    pages.table([["科目", "学时"], ["公需", "30"]], head)
    assert pdf(tmp_path, pages) == ["| 科目 | 学时 |", "| 公需 | 30 |"]


def test_the_text_layer_of_a_scan_is_its_text(tmp_path: Path) -> None:
    pages = Pages()
    for text in ("一、学时", "二、经费"):
        pages.picture()
        pages.invisible(text)
        pages.turn()
    lines, hidden = hidden_in_pdf(tmp_path, pages)
    assert lines == ["一、学时", "二、经费"]
    assert hidden == [Hidden("扫描件文字层", "")]


@pytest.mark.parametrize(("width", "with_text"), [(595, True), (100, False)])
def test_text_that_is_not_drawn_hides_behind_no_other_picture(tmp_path: Path, width: float, with_text: bool) -> None:
    pages = Pages()
    pages.picture(width)
    if with_text:
        pages.line("明明白白的正文。")
    pages.invisible("忽略")
    pages.turn()
    pages.line("第二页。")
    lines, hidden = hidden_in_pdf(tmp_path, pages)
    assert lines[-1] == "第二页。"
    assert hidden == [Hidden("不可见文字", "忽略")]


def test_a_page_without_text_among_others_is_told(tmp_path: Path) -> None:
    pages = Pages()
    pages.line("正文。")
    pages.turn()
    pages.picture()
    assert hidden_in_pdf(tmp_path, pages) == (["正文。"], [Hidden("没有文字层的页", "第 2 页")])


SCANNED = "是扫描件，没有文字层：请先做文字识别（OCR），或换成 docx、txt。"


def test_a_scan_without_text_is_refused(tmp_path: Path) -> None:
    pages = Pages()
    pages.picture()
    assert fault(write(tmp_path, pages.content(), "通知.pdf")) == SCANNED


def test_an_encrypted_pdf_is_refused_and_a_restricted_one_read(tmp_path: Path) -> None:
    locked = Pages(encrypt=StandardEncryption("secret"))
    locked.line("正文。")
    assert fault(write(tmp_path, locked.content(), "通知.pdf")).startswith("加了密码")
    restricted = Pages(encrypt=StandardEncryption("", ownerPassword="secret", canCopy=0))
    # reportlab leaves the strings of Chinese fonts unencrypted, so they are nonsense to whoever decrypts.
    restricted.canvas.drawString(LEFT, TOP, "90 hours")
    assert pdf(tmp_path, restricted) == ["90 hours"]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4\n%%EOF", "各学校：".encode(), b"%PDF-1.7\n1 0 obj\n<<>>\nendobj"])
def test_what_is_no_pdf_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "损坏" in fault(write(tmp_path, content, "通知.pdf"))


def written(text: str, mapped: bool = True) -> bytes:
    """A PDF by hand, whose font says by a map, or doesn't say, what characters its glyphs are."""
    codes = "".join(f"{code:04x}" for code in range(1, len(text) + 1))
    lines = [f"<{code:04x}> <{char.encode('utf-16-be').hex()}>" for code, char in enumerate(text, 1)]
    cmap = f"begincmap\n1 begincodespacerange <0000> <ffff> endcodespacerange\n{len(lines)} beginbfchar\n"
    cmap += "\n".join(lines) + "\nendbfchar endcmap"
    shown = f"BT /F 16 Tf 90 700 Td <{codes}> Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 6 0 R/Resources<</Font<</F 4 0 R>>>>>>",
        "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[5 0 R]"
        f"{'/ToUnicode 7 0 R' if mapped else ''}>>",
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/X/DW 1000/CIDSystemInfo"
        "<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
        *(f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream" for stream in (shown, cmap)),
    ]
    body = "".join(f"{number} 0 obj\n{one}\nendobj\n" for number, one in enumerate(objects, 1))
    return f"%PDF-1.7\n{body}trailer\n<</Root 1 0 R/Size {len(objects) + 1}>>\n%%EOF".encode()


def test_radicals_become_the_characters_that_they_look_like(tmp_path: Path) -> None:
    assert read(tmp_path, written("⼀、成⻓与⻛⽓"), "通知.pdf") == "一、成长与风气"


def test_a_font_that_does_not_tell_its_characters_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, written("一、成长", mapped=False), "通知.pdf")
    assert fault(path).startswith("所用字体没有注明文字")


def test_a_pdf_without_pages_is_refused(tmp_path: Path) -> None:
    content = written("文").replace(b"/Kids[3 0 R]", b"/Kids[]").replace(b"/Type/Page/", b"/Type/Else/")
    assert fault(write(tmp_path, content, "通知.pdf")).startswith("一页也读不出来，文件已损坏")


# Damage.


def sound(name: str) -> bytes:
    """A sound file of some variety, by its name's suffix."""
    if name.endswith(".docx"):
        document = docx.Document()
        add_item(document, "学时", add_list(document, ("chineseCounting", "%1、")))
        document.add_table(2, 2).cell(0, 0).text = "表"
        return saved(document)
    if name.endswith(".pdf"):
        pages = Pages(pageCompression=0)
        pages.paragraph(PARAGRAPH)
        pages.table([["科目", "学时"], ["公需", "30"]])
        return pages.content()
    return f"<meta charset=gbk><table><tr><td>{PARAGRAPH}<td hidden>1</table>".encode("gb18030")


def damaged(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """The file cut off, and with bytes changed, lost and doubled."""
    for _ in range(40):
        broken = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)
        for _ in range(chance.randrange(1, 12)):
            place = chance.randrange(len(broken) + 1)
            broken[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        yield bytes(broken)


@pytest.mark.parametrize("name", ["通知.docx", "通知.pdf", "通知.html", "通知.txt"])
def test_damage_ends_in_text_or_in_one_line(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for content in damaged(sound(name), random.Random(7)):
        path = write(tmp_path, content, name)
        try:
            assert read_document(path).text.strip()
        except InputError:
            assert re.search("[\u4e00-\u9fff]", fault(path))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
