"""`python -m evals.word_table`: the frequencies of Chinese words by which texts are mended, in one small file.

They are those of jieba's dictionary, cut to what tells a sound text from a damaged one: facts about the language, which
know nothing of any policy, and the same in every run.
"""

from pathlib import Path

import jieba
import numpy as np

from ingest.repair.language import TABLE

RAREST, LONGEST = 5, 6  # words that occur less often, or are longer, are left out


def main() -> None:
    """Read, cut, save."""
    words: dict[str, int] = {}
    for line in (Path(jieba.__file__).parent / "dict.txt").read_text("utf-8").splitlines():
        word, frequency, _ = line.split(" ")
        if int(frequency) >= RAREST and len(word) <= LONGEST and all("\u4e00" <= one <= "\u9fff" for one in word):
            words[word] = int(frequency)
    kept = sorted(words.items())
    text = np.frombuffer("\n".join(word for word, _ in kept).encode(), np.uint8)
    np.savez_compressed(TABLE, words=text, counts=np.array([count for _, count in kept], np.uint32))
    print(f"{TABLE.name}: {len(kept):,} words, {TABLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
