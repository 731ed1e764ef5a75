"""`python -m evals.train_embedding [--out DIR]`: trains the shipped sentence-embedding model, offline, within minutes.

A text's vector is the mean of the vectors of its pieces, and pieces start as the sum of random vectors of their
characters, weighted by rarity: before any training, texts that share words are near each other, in any city's policy.
Training then moves characters, pieces and weights, so that questions come near their clauses, and sayings each other.
"""

import argparse
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional

from assistant.retrieval.embed import SHIPPED, load_embedder
from assistant.retrieval.search import sentences
from assistant.retrieval.wording import Wording

ROOT = Path(__file__).parent.parent
SEED = 2023
DIMENSIONS = 192
LONG_PIECES = 2000  # pieces of more than one character
EPOCHS, BATCH, RATE = 8, 64, 0.01
SCALE = 30.0  # cosines are multiplied by it in the loss
DROPPED = 0.2  # share of a text's pieces left out in training
HELD_OUT = 7  # every seventh question of a clause is measured on, never trained on
BEFORE = ["", "请问", "老师您好，", "我想问一下", "想了解", "我们学校", "文件里", "今年", "关于", "要是"]
AFTER = ["", "怎么办", "怎么规定的", "可以吗", "有没有", "是什么", "呢", "有哪些", "怎么样", "行不行"]

Place = tuple[str, str]  # policy id, locator
Question = tuple[str, frozenset[Place]]  # and the clauses that answer it, of one policy
Pair = tuple[str, str, frozenset[Place | int]]  # two texts to be moved together, and their topics


def clauses_of(corpus: Path) -> dict[Place, str]:
    """The clauses of a corpus as they are indexed: heading and text. Headings without text are left out."""
    clauses: dict[Place, str] = {}
    for path in sorted(corpus.glob("*/policy.md")):
        attachment, trail, place = "", list[str](), "0"
        for line in path.read_text("utf-8").split("\n---\n", 1)[1].splitlines():
            words = line
            if line.startswith("#"):
                marks, words = line.split(" ", 1)
                if words.startswith("附件"):
                    attachment, place = words.split(" ")[0] + "/", "0"
                elif words == "尾":
                    place = words
                else:
                    number, words = re.split("[、.）]", words, maxsplit=1)
                    trail = [*trail[: len(marks) - 2], f"({number[1:]})" if number.startswith("（") else number]
                    place = "/".join(trail)
            key = path.parent.name, attachment + place
            clauses[key] = f"{clauses.get(key, '')}{words}\n"
    return {key: words for key, words in clauses.items() if "\n" in words.strip()}


def questions_of(asked: Mapping[str, Mapping[str, Sequence[str]]]) -> tuple[list[Question], list[Question]]:
    """Questions to train on, and those held out."""
    places: dict[str, set[Place]] = defaultdict(set)
    kept: tuple[list[str], list[str]] = [], []
    for policy, locators in asked.items():
        for locator, texts in locators.items():
            for number, text in enumerate(texts, 1):
                if text not in places:
                    kept[number % HELD_OUT == 0].append(text)
                places[text].add((policy, locator))
    train, held_out = ([(text, frozenset(places[text])) for text in texts] for texts in kept)
    return train, held_out


def learn_pieces(texts: Sequence[str]) -> Tokenizer:
    """Pieces of up to four characters; every character of GB2312 and ASCII is one, so that none of them is unknown."""
    han = bytes(byte for lead in range(0xB0, 0xF8) for trail in range(0xA1, 0xFF) for byte in (lead, trail))
    alphabet = sorted({*han.decode("gb2312", "ignore"), *"abcdefghijklmnopqrstuvwxyz0123456789"})
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("removed"), pre_tokenizers.Digits()]
    )
    learning = trainers.UnigramTrainer(
        vocab_size=len(alphabet) + LONG_PIECES,
        initial_alphabet=alphabet,
        max_piece_length=4,
        unk_token="<unk>",
        special_tokens=["<unk>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, learning)
    # Learning adds up in no fixed order, and in none puts the characters that it didn't want just above the lowest
    # score: rounded, levelled and sorted, every run gives the same pieces.
    learned = dict(json.loads(tokenizer.to_str())["model"]["vocab"][1:])
    lowest = min(learned.values())
    scores = [(piece, round(max(score, lowest + 1), 4)) for piece, score in learned.items()]
    tokenizer.model = models.Unigram([("<unk>", 0.0), *sorted(scores, key=lambda one: (-one[1], one[0]))], 0)
    return tokenizer


class Pieces:
    """Vectors of pieces: a weight × (the sum of their characters' vectors + one of their own)."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        numbers: dict[str, int] = tokenizer.get_vocab()
        spelt = [[*piece] if piece != "<unk>" else [] for piece in sorted(numbers, key=numbers.__getitem__)]
        characters = {character: at for at, character in enumerate(sorted({one for piece in spelt for one in piece}))}
        where = [(row, characters[one]) for row, piece in enumerate(spelt) for one in piece]
        shares = [len(piece) ** -0.5 for piece in spelt for _ in piece]
        size = (len(spelt), len(characters))
        self.spelling = torch.sparse_coo_tensor(torch.tensor(where).T, shares, size, check_invariants=True).coalesce()
        seen = Counter(piece for text in texts for piece in set(self.ids(text)))
        rarity = torch.tensor([[math.log(1 + len(texts) / (1 + seen[row]))] for row in range(len(spelt))])
        start = torch.randn(len(characters), DIMENSIONS) / DIMENSIONS**0.5
        self.moved = [start, torch.zeros(len(spelt), DIMENSIONS), (rarity / rarity.max()).log()]

    def ids(self, text: str) -> list[int]:
        """The numbers of a text's pieces."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def matrix(self) -> Any:
        """The vectors, shape (pieces, dimensions)."""
        characters, own, weights = self.moved
        return weights.exp() * (torch.sparse.mm(self.spelling, characters) + own)

    def embed(self, matrix: Any, texts: Sequence[str]) -> Any:
        """Vectors of texts, shape (texts, dimensions), each of length 1; some pieces are left out."""
        bags = [self.ids(text) for text in texts]
        bags = [[one for one in bag if random.random() > DROPPED] or bag for bag in bags]
        starts = torch.tensor([0, *np.cumsum([len(bag) for bag in bags])[:-1]])
        together = torch.tensor([one for bag in bags for one in bag])
        return functional.normalize(functional.embedding_bag(together, matrix, starts, mode="mean"), dim=1)


def pairs_of(questions: Sequence[Question], clauses: Mapping[Place, str], groups: list[list[str]]) -> Iterator[Pair]:
    """The pairs of an epoch, each time others: questions with their clauses, and what means the same."""
    same = {one: [other for other in group if other != one] for group in groups for one in group}
    words = re.compile("|".join(sorted(map(re.escape, same), key=len, reverse=True)))
    for text, places in questions:
        clause = clauses[random.choice(sorted(places))]
        parts = [part for part in sentences(clause) if part.strip()]
        reworded = words.sub(lambda found: random.choice([found[0], random.choice(same[found[0]])]), text)
        yield reworded, clause, places
        yield text, " ".join(random.sample(parts, max(1, len(parts) // 2))), places
    for topic, group in enumerate(groups):
        for one in group:
            padded = random.choice([one, random.choice(BEFORE) + one + random.choice(AFTER)])
            yield padded, random.choice(same[one]), frozenset({topic})


def train(pieces: Pieces, questions: Sequence[Question], clauses: Mapping[Place, str], groups: list[list[str]]) -> None:
    """Multiple negatives ranking: each text nearer to its other than to all others of a batch, kin in topic aside."""
    optimizer = torch.optim.Adam([tensor.requires_grad_() for tensor in pieces.moved], lr=RATE)
    for epoch in range(EPOCHS):
        pairs, losses = list(pairs_of(questions, clauses, groups)), []
        random.shuffle(pairs)
        for start in range(0, len(pairs) - BATCH + 1, BATCH):
            optimizer.param_groups[0]["lr"] = RATE * (1 - (epoch + start / len(pairs)) / EPOCHS)
            batch = pairs[start : start + BATCH]
            matrix = pieces.matrix()
            texts, others, topics = zip(*batch, strict=True)
            scores = SCALE * pieces.embed(matrix, texts) @ pieces.embed(matrix, others).T
            kin = torch.tensor([[bool(one & other) for other in topics] for one in topics]).fill_diagonal_(False)
            scores = scores.masked_fill(kin, -math.inf)
            loss = functional.cross_entropy(scores, torch.arange(BATCH))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.3f}", flush=True)


def measure(questions: Sequence[Question], clauses: Mapping[Place, str], folder: Path) -> None:
    """Prints how often the first clause found within the question's policy, and one of the first three, is right."""
    embedder, hits = load_embedder(str(folder)), defaultdict(list)
    for text, right in questions:
        policy = next(iter(right))[0]
        places = [place for place in clauses if place[0] == policy]
        texts = [clauses[place] for place in places]
        meant = np.maximum(embedder.embed(texts) @ embedder.embed([text])[0], 0)
        worded = np.array(Wording(texts).scores(text))
        both = sum(scores / max(scores.max(), 1e-9) for scores in (meant, worded))
        for way, scores in (("model", meant), ("BM25 of characters and pairs", worded), ("sum of both", both)):
            order = [places[at] for at in np.argsort(-scores, kind="stable")]
            hits[way].append(min(order.index(place) for place in right))
    for way, ranks in hits.items():
        at_1, at_3 = (np.mean(np.array(ranks) < first) for first in (1, 3))
        print(f"{len(ranks)} held-out questions, {way}: hit@1 {at_1:.2f}, hit@3 {at_3:.2f}")


def main() -> None:
    """Train, save, measure."""
    options = argparse.ArgumentParser(description="trains the shipped sentence-embedding model")
    options.add_argument("--out", type=Path, default=SHIPPED, help="folder to save to (default: %(default)s)")
    out: Path = options.parse_args().out
    random.seed(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # sums of several threads differ from run to run
    material = yaml.safe_load((ROOT / "evals" / "training" / "questions.yaml").read_text("utf-8"))
    groups = material.pop("paraphrases")
    clauses = clauses_of(ROOT / "corpus")
    questions, held_out = questions_of(material)
    sayings = [text for text, _ in questions] + [one for group in groups for one in group]
    parts = [part for clause in clauses.values() for part in sentences(clause)]
    pieces = Pieces(learn_pieces([*clauses.values(), *sayings]), [*parts, *sayings])
    train(pieces, questions, clauses, groups)
    static = StaticEmbedding(pieces.tokenizer, embedding_weights=pieces.matrix().detach())
    SentenceTransformer(modules=[static], device="cpu").save(str(out), create_model_card=False)
    measure(held_out, clauses, out)


if __name__ == "__main__":
    main()
