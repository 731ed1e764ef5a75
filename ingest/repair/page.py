"""Repairs of what web pages do to a notice: furniture, spam written over names, brackets and dates cut short."""

import re
from collections import Counter
from collections.abc import Iterator

from ingest.repair.text import Edit, Text

_DAY = re.compile(r"(20\d\d)\s*[-年./]\s*(\d{1,2})\s*[-月./]\s*(\d{1,2})")
# Whole lines that belong to the page; each is taken out and noted. A line with a number or a full stop is the text's.
_FURNITURE = re.compile(
    r"(?!\s*(?:[一二三四五六七八九十]+、|[(（].{1,2}[)）]|\d{1,2}[.．、](?!\d))|(?!\s*上述个人信息).*[。；;]\s*$)"
    r"\s*[•·●|【\[]?\s*(?:"
    r"(?:您?现?在?的?当前)?(?:您(?:现在)?的)?位置\s*[:：].*|首页\s*[>»].*|[^。]{0,40}>>[^。]{0,80}"
    r"|(?:标题|索引号|信息索引|主题分类|体裁分类|发文日期|成文日期|公开日期|发布机构|公开方式|公开范围|有效性)\s*[:：].{0,120}"
    r"|(?:发布|更新|发表|录入)(?:时间|日期)\s*[:：].{0,60}|20\d\d[-年.]\d{1,2}[-月.]\d{1,2}日?\s*\d{1,2}:\d\d.{0,60}"
    r"|(?:点击|浏览|阅读|访问)(?:数|次数|量)\s*[:：]?.{0,20}|[【\[(（]?(?:浏览)?字(?:[号体]|体大小)\s*[:：].{0,40}"
    r"|(?:来源|文章来源|信息来源|作者|编辑|责任编辑|责编|审核|发布人)\s*[:：].{0,30}|分享(?:到|至).{0,30}"
    r"|(?:(?:分享|打印|打印本页|关闭|关闭窗口|收藏)[\s|]*)+"
    r"|返回(?:顶部|首页|列表)?|上一[篇条]\s*[:：]?.{0,80}|下一[篇条]\s*[:：]?.{0,80}|附件下载\s*[:：]?|相关(?:文章|阅读|链接|信息|附件|文档)"
    r"|.{0,10}扫一扫.{0,30}|.{0,12}(?:手机|微信)(?:打开|浏览|扫码).{0,20}|上述个人信息.{0,30}公[布开]。?"
    r"|.{0,40}(?:版权所有|ICP备|公网安备|(?:网站标识码|技术支持|主办单位|承办单位)\s*[:：]).{0,60}|[|•·\s]+"
    r")\s*[】\]]?\s*"
)
# Where a notice begins: whom it speaks to, its first number, its first paragraph. Where it ends: the day it was signed.
_BODY = re.compile(r"[:：]$|^[一1][、．.]|^第[一1][章条]|^.{60,}|[。；]$")
_SIGNED = re.compile(r"(?:\d{4}|[〇零○一二三四五六七八九]{4})\s*年\s*\S{1,3}\s*月\s*\S{1,3}\s*日?")
_CUT_NUMBER = re.compile(
    r"(?m)^[^\S\n]*([\u4e00-\u9fff]{1,11}[发办函字教人体师职成基规财政通])((?:19|20)\d\d)(\d{1,4})号[^\S\n]*$"
)
_CUT_DAY = re.compile(r"(?m)^[^\S\n]*(20\d\d)年(\d{1,2})月(\d{1,2})[^\S\n]*$")
_OPEN_IN_TITLE = re.compile(r"《[^《》()（）\n]*([(（])[^《》()（）\n]*(?=》)")
_OFFICE = r"教育(?:和?体育)?(?:局|厅|委员会)"
_OVERWRITTEN = re.compile(rf"(?m)^[^\S\n]*(\S{{2,12}})[^\S\n]+{_OFFICE}[^\S\n]*$")
_NUMBER_PREFIX = re.compile(
    r"(?m)^[^\S\n]*([\u4e00-\u9fff])[\u4e00-\u9fff]{1,11}[〔\[（(【]20\d\d[〕\]）)】]\d{1,4}号[^\S\n]*$"
)
_PLACES = "省市县区州盟旗镇乡团部院委会校园局厅"
OVERWRITTEN = "〔此处名称被广告覆盖〕"


def furniture(text: Text) -> Text:
    """The page's own lines taken out, before the notice begins and after it is signed.

    Navigation, share buttons, counters, QR codes, related articles; in the notice itself such words have a meaning.
    """
    lines, at = list[tuple[int, str]](), 0
    for line in text.text.splitlines(keepends=True):
        lines.append((at, line))
        at += len(line)
    words = [line.strip() for _, line in lines]
    page = [bool(_FURNITURE.fullmatch(one)) or not one for one in words]
    first = next((at for at, one in enumerate(words) if not page[at] and _BODY.search(one)), len(words))
    last = max((at for at, one in enumerate(words) if _SIGNED.fullmatch(one)), default=len(words))
    if last == len(words):
        # Unsigned, the notice ends before the last lines that are the page's.
        last = max((at for at in range(len(words)) if not page[at]), default=0)
    outside = [at for at in range(len(words)) if (at < first or at > last) and page[at] and words[at]]
    return text.edited("页面杂项", (Edit(lines[at][0], lines[at][0] + len(lines[at][1]), "") for at in outside))


def _days(text: Text) -> Counter[tuple[int, int, int]]:
    """How often each day is named in the text and in the furniture that was around it."""
    everything = [text.text, *(change.before for change in text.changes if change.kind == "页面杂项")]
    return Counter(tuple(map(int, found)) for part in everything for found in _DAY.findall(part))  # type: ignore[misc]


def numbers(text: Text) -> Text:
    """`临教体发20225号` into `临教体发〔2022〕5号`, where a date of the page proves the year."""
    years = {year for year, _, _ in _days(text)}
    edits = (
        Edit(found.start(2), found.end(3), f"〔{found[2]}〕{found[3]}")
        for found in _CUT_NUMBER.finditer(text.text)
        if int(found[2]) in years
    )
    return text.edited("文号括号", edits)


def days(text: Text) -> Text:
    """A date that lost its 日, where the page names the same day elsewhere."""
    known = _days(text)
    edits = (
        Edit(found.end(3), found.end(3), "日")
        for found in _CUT_DAY.finditer(text.text)
        if known[int(found[1]), int(found[2]), int(found[3])] > 1
    )
    return text.edited("日期缺字", edits)


def brackets(text: Text) -> Text:
    """A bracket that opens in a title and must close before the title does."""
    closing = {"(": ")", "（": "）"}
    edits = (Edit(found.end(), found.end(), closing[found[1]]) for found in _OPEN_IN_TITLE.finditer(text.text))
    return text.edited("缺失括号", edits)


def names(text: Text) -> Text:
    """Spam that stands where the issuer's place stood: the name restored where the text proves it, else marked.

    Spam: what precedes the office in a line of its own, repeatedly, is no place, and has not the character that the
    document's number begins with. Proof of the name: that character begins one word only in the rest of the text, and
    the text speaks of one level of places as its own (我市).
    """
    prefix = _NUMBER_PREFIX.search(text.text)
    spam = {
        name
        for name in _OVERWRITTEN.findall(text.text)
        if name[-1] not in _PLACES and text.text.count(name) > 1 and not (prefix and prefix[1] in name)
    }
    for name in sorted(spam):
        restored = _proven_name(text.text.replace(name, ""), prefix[1]) if prefix else None
        spots = re.finditer(re.escape(name) + r"[^\S\n]*", text.text)
        edits: Iterator[Edit] = (Edit(spot.start(), spot.end(), restored or OVERWRITTEN) for spot in spots)
        text = text.edited("广告覆盖名称", edits)
    return text


def _proven_name(rest: str, prefix: str) -> str | None:
    """The place whose name begins with `prefix`, with its level; None where the text leaves a doubt."""
    words = set(re.findall(rf"{prefix}([\u4e00-\u9fff])(?![^\n]*〕\d+号)", rest))
    levels = Counter(re.findall(r"我([省市县区州盟旗])", rest))
    if len(words) == 1 and len(levels) == 1:
        return f"{prefix}{words.pop()}{next(iter(levels))}"
    return None
