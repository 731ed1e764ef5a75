"""`python -m evals.mending [FILE...]`: damages sound notices as a byte-blind page cutter does, mends them, and counts.

Without files the corpus' digests are damaged, each mended without knowledge of itself. Every text is tried as it is and
in Traditional characters. A stretch is exact where the mended text, width aside, is what it was before; marked where
something in it is marked as damaged and the rest is right; wrong where anything that isn't marked differs.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from opencc import OpenCC

from ingest.repair.gbk import MARK, mend
from ingest.repair.script import plainly

CORPUS = Path(__file__).parent.parent / "corpus"
MARKS = [mark.encode("gbk") for mark in "，。、；：？！"]
SEED = 2023


def damaged(line: str, chance: float, rng: random.Random) -> tuple[str, bool]:
    """A line after the byte-blind cutter, and whether it suffered. `chance`: of being cut inside a character there."""
    data, pieces, start, at, hurt = line.encode("gbk", "replace"), list[bytes](), 0, 0, False
    while at < len(data) - 1:
        aligned = len(data[start:at].decode("gbk", "ignore").encode("gbk")) == at - start
        if data[at : at + 2] in MARKS and (aligned or hurt or rng.random() < chance):
            hurt = hurt or not aligned
            pieces += [data[start:at], data[at : at + 2]]
            start = at = at + 2
        else:
            at += 1
    text = "".join(_read(piece) for piece in [*pieces, data[start:]])
    return "".join(chr(ord(one) - 0xFEE0) if "！" <= one <= "～" else one for one in text), hurt


def _widened(line: str) -> str:
    """A line with the full-width marks that notices are printed with."""
    return re.sub("[,:;!?()]", lambda found: chr(ord(found[0]) + 0xFEE0), line)


def _read(piece: bytes) -> str:
    """A piece decoded alone: a byte left over is "?", a pair that stands for nothing vanishes."""
    text, at = "", 0
    while at < len(piece):
        pair = piece[at : at + 2]
        if pair[0] < 0x80:
            text, at = text + chr(pair[0]), at + 1
        elif len(pair) < 2 or pair[1] < 0x40:
            text, at = text + "?", at + 1
        else:
            text, at = text + pair.decode("gbk", "ignore"), at + 2
    return text


def outcomes(text: str, field: Sequence[str], rng: random.Random) -> Counter[str]:
    """How the damaged lines of one text come back."""
    found: Counter[str] = Counter()
    lines = [_widened(line.strip()) for line in text.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        # A margin before a bracket is where such pages are hurt most.
        seen, hurt = damaged("　　" + line, 0.6, rng)
        if not hurt:
            continue
        whole = "\n".join([*lines[:at], seen.lstrip("　"), *lines[at + 1 :]])
        start = len("\n".join(lines[:at])) + (at > 0)
        mended, end = "", start
        for one in mend(whole, field):
            if start <= one.start < start + len(seen):
                mended += whole[end : one.start] + one.text
                end = one.end
        mended += whole[end : start + len(seen.lstrip("　"))]
        found[_judged(plainly(mended), plainly(line))] += 1
    return found


def _judged(mended: str, true: str) -> str:
    if mended == true:
        return "exact"
    pattern = ".{0,6}".join(map(re.escape, mended.split(plainly(MARK))))
    if MARK in mended and re.fullmatch(pattern, true):
        return "marked"
    return "left alone" if "?" in mended else "wrong"


def main() -> None:
    """Damage, mend, print."""
    options = argparse.ArgumentParser(description="how much of what is damaged on purpose comes back")
    options.add_argument("files", nargs="*", type=Path)
    files: list[Path] = options.parse_args().files
    digests = {
        path: re.sub("(?m)^#+ ", "", path.read_text("utf-8").split("\n---\n", 1)[1])
        for path in sorted(CORPUS.glob("*/policy.md"))
    }
    texts = {path: path.read_text("utf-8") for path in files} or digests
    for name, converter in (("Simplified", None), ("Traditional", OpenCC("s2t"))):
        rng, total = random.Random(SEED), Counter[str]()
        for path, text in texts.items():
            field = [plainly(other) for known, other in digests.items() if known != path]
            total += outcomes(converter.convert(text) if converter else text, field, rng)
        shares = ", ".join(f"{kind} {count} ({count / total.total():.0%})" for kind, count in total.most_common())
        print(f"{name}: {total.total()} damaged lines: {shares}")


if __name__ == "__main__":
    main()
