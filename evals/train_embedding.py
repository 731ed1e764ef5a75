"""`python -m evals.train_embedding [--out DIR]`: trains the shipped sentence-embedding model, offline, within minutes.

A text's vector is the mean of the vectors of its pieces, and pieces start as the sum of random vectors of their
characters, weighted by rarity: before any training, texts that share words are near each other, in any city's policy.
Training then moves characters, pieces and weights, so that a question comes nearer to its clause than to any other of
its policy, sayings to what means the same, and questions of other fields to no clause. The questions are those of
`evals/training/`, never of `evals/questions/`; on those `python -m evals.finding` measures.
"""

import argparse
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional

from assistant.retrieval.embed import SHIPPED
from assistant.retrieval.search import sentences
from assistant.retrieval.thesaurus import groups as thesaurus

ROOT = Path(__file__).parent.parent
SEED = 2023
DIMENSIONS = 192
LONG_PIECES = 2000  # pieces of more than one character
EPOCHS, BATCH, RATE = 6, 64, 0.01
SCALE = 30.0  # cosines are multiplied by it in the loss
DROPPED = 0.2  # share of a text's pieces left out in training
REWORDED = 0.5  # share of questions in which sayings are changed for others
NO_CLAUSE = 0.3  # the cosine that right clauses are to be above, and all clauses below for a question of another field
OWN_POLICY = 0.7  # weight of the loss among the clauses of the question's policy, beside that among all clauses

Place = tuple[str, str]  # policy id, locator


class Question(NamedTuple):
    """A question to a policy, and the places of the clauses that answer it: none for one of another field."""

    policy: str
    text: str
    places: frozenset[Place]


class Saying(NamedTuple):
    """A saying, another that means the same, and the number of their group."""

    text: str
    other: str
    group: int


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


def material(folder: Path) -> tuple[list[Question], list[list[str]]]:
    """The questions of a folder's files, and the groups of sayings that mean the same, the thesaurus's included."""
    places: dict[tuple[str, str], set[Place]] = defaultdict(set)
    groups, foreign = [[*group] for group in thesaurus()], list[str]()
    for path in sorted(folder.glob("*.yaml")):
        asked: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        groups += asked.pop("paraphrases", [])
        foreign += asked.pop("foreign", [])
        for policy, locators in asked.items():
            for locator, texts in locators.items():
                for text in texts:
                    places[policy, text].add((policy, locator))
    asked_of = [(policy, text, right) for (policy, text), right in places.items()]
    policies = sorted({policy for policy, _ in places})
    asked_of += [(policy, text, set()) for text in foreign for policy in policies]
    return [Question(policy, text, frozenset(right)) for policy, text, right in asked_of], groups


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
        self._spelling = torch.sparse_coo_tensor(torch.tensor(where).T, shares, size, check_invariants=True).coalesce()
        self._bags = {text: self._cut(text) for text in texts}
        seen = Counter(piece for bag in self._bags.values() for piece in set(bag))
        rarity = torch.tensor([[math.log(1 + len(texts) / (1 + seen[row]))] for row in range(len(spelt))])
        start = torch.randn(len(characters), DIMENSIONS) / DIMENSIONS**0.5
        self.moved = [start, torch.zeros(len(spelt), DIMENSIONS), (rarity / rarity.max()).log()]
        # Pieces that no text has aren't asked for in training; they move with their characters.
        self._met = torch.tensor(sorted(seen))
        self._met_spelling = torch.index_select(self._spelling, 0, self._met).coalesce()
        self._row = {piece: row for row, piece in enumerate(self._met.tolist())}

    def _cut(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def matrix(self) -> Any:
        """The vectors of all pieces, shape (pieces, dimensions)."""
        characters, own, weights = self.moved
        return weights.exp() * (torch.sparse.mm(self._spelling, characters) + own)

    def met(self) -> Any:
        """The vectors of the pieces that the texts have."""
        characters, own, weights = self.moved
        return weights[self._met].exp() * (torch.sparse.mm(self._met_spelling, characters) + own[self._met])

    def embed(self, met: Any, texts: Sequence[str]) -> Any:
        """Vectors of texts, shape (texts, dimensions), each of length 1; some pieces are left out."""
        bags = []
        for text in texts:
            known = self._bags.get(text)
            bag = self._cut(text) if known is None else known
            rows = [self._row[one] for one in bag if one in self._row]
            bags.append([row for row in rows if random.random() > DROPPED] or rows)
        starts = torch.tensor([0, *np.cumsum([len(bag) for bag in bags])[:-1]])
        together = torch.tensor([one for bag in bags for one in bag])
        return functional.normalize(functional.embedding_bag(together, met, starts, mode="mean"), dim=1)


class Training:
    """Moves pieces so that questions come near their clauses, and sayings near what means the same."""

    def __init__(
        self, pieces: Pieces, clauses: Mapping[Place, str], questions: Sequence[Question], groups: list[list[str]]
    ) -> None:
        self._pieces, self._questions, self._groups = pieces, questions, groups
        self._places, self._texts = list(clauses), list(clauses.values())
        self._others = {one: [other for other in group if other != one] for group in groups for one in group}
        self._sayings = re.compile("|".join(sorted(map(re.escape, self._others), key=len, reverse=True)))
        self._optimizer = torch.optim.Adam([tensor.requires_grad_() for tensor in pieces.moved], lr=RATE)

    def run(self) -> None:
        """All epochs; prints the loss of each."""
        for epoch in range(EPOCHS):
            jobs: list[Question | Saying] = [*self._questions, *self._pairs()]
            random.shuffle(jobs)
            losses = []
            for start in range(0, len(jobs) - BATCH + 1, BATCH):
                self._optimizer.param_groups[0]["lr"] = RATE * (1 - (epoch + start / len(jobs)) / EPOCHS)
                losses.append(self._step(jobs[start : start + BATCH]))
            print(f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.3f}", flush=True)

    def _pairs(self) -> list[Saying]:
        """Every saying beside another of its group, each time another."""
        return [
            Saying(one, random.choice(self._others[one]), number)
            for number, group in enumerate(self._groups)
            for one in group
        ]

    def _step(self, batch: Sequence[Question | Saying]) -> float:
        met = self._pieces.met()
        questions = [job for job in batch if isinstance(job, Question)]
        sayings = [job for job in batch if isinstance(job, Saying)]
        losses = [self._of_questions(met, questions)] if questions else []
        losses += [self._of_sayings(met, sayings)] if sayings else []
        loss: Any = sum(losses) / len(batch)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.item())

    def _of_questions(self, met: Any, questions: Sequence[Question]) -> Any:
        """Each question nearer to one of its clauses than to the rest of its policy, to all the rest, and to none."""
        texts = [self._reworded(one.text) if random.random() < REWORDED else one.text for one in questions]
        scores = SCALE * self._pieces.embed(met, texts) @ self._pieces.embed(met, self._texts).T
        scores = torch.cat([scores, torch.full((len(questions), 1), SCALE * NO_CLAUSE)], dim=1)
        right = torch.tensor([[*(place in one.places for place in self._places), not one.places] for one in questions])
        own = torch.tensor([[*(place[0] == one.policy for place in self._places), True] for one in questions])
        rights = torch.logsumexp(scores.masked_fill(~right, -math.inf), 1)
        in_policy = torch.logsumexp(scores.masked_fill(~own, -math.inf), 1)
        overall = torch.logsumexp(scores, 1)
        return (OWN_POLICY * in_policy + (1 - OWN_POLICY) * overall - rights).sum()

    def _of_sayings(self, met: Any, sayings: Sequence[Saying]) -> Any:
        """Each saying nearer to its other than to the others of a batch, those of its own group aside."""
        texts, others, numbers = zip(*sayings, strict=True)
        scores = SCALE * self._pieces.embed(met, texts) @ self._pieces.embed(met, others).T
        group = torch.tensor(numbers)
        kin = (group[:, None] == group[None]).fill_diagonal_(False)
        target = torch.arange(len(sayings))
        return functional.cross_entropy(scores.masked_fill(kin, -math.inf), target, reduction="sum")

    def _reworded(self, text: str) -> str:
        return self._sayings.sub(lambda found: random.choice([found[0], random.choice(self._others[found[0]])]), text)


def train(clauses: Mapping[Place, str], questions: Sequence[Question], groups: list[list[str]]) -> SentenceTransformer:
    """A model trained on some clauses, questions about them and sayings; the same every time."""
    random.seed(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # sums of several threads differ from run to run
    sayings = [one.text for one in questions] + [one for group in groups for one in group]
    parts = [part for clause in clauses.values() for part in sentences(clause)]
    pieces = Pieces(learn_pieces([*clauses.values(), *sayings]), [*clauses.values(), *parts, *sayings])
    Training(pieces, clauses, questions, groups).run()
    static = StaticEmbedding(pieces.tokenizer, embedding_weights=pieces.matrix().detach())
    return SentenceTransformer(modules=[static], device="cpu")


def main() -> None:
    """Train and save."""
    options = argparse.ArgumentParser(description="trains the shipped sentence-embedding model")
    options.add_argument("--out", type=Path, default=SHIPPED, help="folder to save to (default: %(default)s)")
    out: Path = options.parse_args().out
    model = train(clauses_of(ROOT / "corpus"), *material(ROOT / "evals" / "training"))
    model.save(str(out), create_model_card=False)


if __name__ == "__main__":
    main()
