"""Repairs of single characters: script, width, radicals, pinyin glosses."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from assistant.text import simplified
from ingest.repair.text import Edit, Text

_HAN = re.compile(r"[\u4e00-\u9fff]")
# The share of its ideographs, those that Simplified texts have too (乾县) aside, from which a text is in Traditional
# characters.
_TRADITIONAL = 0.02
_FEW = 1  # such characters a name may hold in a text in Simplified ones
_GLOSS = re.compile(r"([\u4e00-\u9fff])[(（]([a-zāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ]{1,7})[)）]")
_GLOSSED = 3  # a gloss or two may be meant
# Full-width letters, digits and percent signs; radicals and compatibility forms that stand for ideographs.
_ODD = re.compile("[０-９Ａ-Ｚａ-ｚ％\u2e80-\u2fdf\uf900-\ufaff]")
# 著 is both 著 (to write) and 着; OpenCC leaves it where its dictionary lacks the word.
_ZHE = re.compile("(?<=[沿本随顺朝向靠藉隔])著|著(?=[力眼手重落陆装])")


def widths(text: Text) -> Text:
    """Full-width letters and digits made half-width, radicals and compatibility forms made ideographs."""
    edits = (
        Edit(found.start(), found.end(), unicodedata.normalize("NFKC", found[0]))
        for found in _ODD.finditer(text.text)
        if len(unicodedata.normalize("NFKC", found[0])) == 1
    )
    return text.edited("全角与部首字形", edits)


def glosses(text: Text) -> Text:
    """Pinyin after a character taken out, where it is that character's own and there is more of the kind.

    Two readings of one character are the subject, not a gloss.
    """
    found = [gloss for gloss in _GLOSS.finditer(text.text) if _reads(gloss[1], gloss[2])]
    edits = (Edit(gloss.start() + 1, gloss.end(), "") for gloss in found)
    contrasted = len({gloss.groups() for gloss in found}) > len({gloss[1] for gloss in found})
    return text.edited("拼音注音", edits if len(found) >= _GLOSSED and not contrasted else ())


def _reads(character: str, pinyin: str) -> bool:
    """Whether a character is read so."""
    from pypinyin import Style
    from pypinyin import pinyin as readings

    known = {reading for one in readings(character, style=Style.TONE, heteronym=True) for reading in one}
    return pinyin in known


def script(text: Text) -> Text:
    """A text in Traditional characters put into Simplified ones, word for word; any other is left as it is."""
    ideographs = len(_HAN.findall(text.text))
    converted = simplified(text.text)
    if len(converted) != len(text.text):
        converted = "".join(map(simplified, text.text))
    pairs = zip(text.text, converted, strict=True)
    different = sum(one != other and not one.encode("gb2312", "ignore") for one, other in pairs)
    if different <= max(_FEW, _TRADITIONAL * ideographs):
        return text
    return text.edited("繁体转简体", _runs(text.text, _ZHE.sub("着", converted)))


def _runs(before: str, after: str) -> Iterator[Edit]:
    """Each stretch in which two texts of one length differ."""
    pairs = enumerate(zip(before, after, strict=True))
    for differ, group in groupby(pairs, key=lambda pair: pair[1][0] != pair[1][1]):
        if differ:
            places = [place for place, _ in group]
            yield Edit(places[0], places[-1] + 1, after[places[0] : places[-1] + 1])
