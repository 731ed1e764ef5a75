"""Repairing policy texts: each step is general, keeps sound text as it is, and notes what it changed."""

import re
from collections.abc import Sequence

from ingest.repair import gbk
from ingest.repair.characters import glosses, script, widths
from ingest.repair.page import OVERWRITTEN, brackets, days, furniture, names, numbers
from ingest.repair.text import Change as Change
from ingest.repair.text import Edit, Text

MARKS = (gbk.MARK, OVERWRITTEN)
_DAMAGE = "编码损坏"
# What no repair explained: replacement and private-use characters; in a text so damaged, a "?" before another mark too.
_LOST = re.compile("[\ufffd\ue000-\uf8ff]+")
_LEFT = re.compile(f"{_LOST.pattern}|\\?(?=[。，、；：,;])|(?m:^)\\?(?=\\S)")


def repair(text: str, field: Sequence[str] = ()) -> Text:
    """A text as read, repaired. `field`: sound texts of the same kind, in plain form, by which damage is mended."""
    mended = _bytes(glosses(widths(Text(text))), field)
    return names(brackets(days(numbers(furniture(script(mended))))))


def _bytes(text: Text, field: Sequence[str]) -> Text:
    """GBK damage mended, or marked where it can't be."""
    mended = text.edited(_DAMAGE, (Edit(*one) for one in gbk.mend(text.text, field)))
    signs = _LOST if mended is text else _LEFT
    left = [Edit(found.start(), found.end(), gbk.MARK) for found in signs.finditer(mended.text)]
    return mended.edited(_DAMAGE, left)
