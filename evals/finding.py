"""`python -m evals.finding [--unseen]`: how often the right clause is found, and when it is said that none answers.

The questions are those of `evals/questions/`, put to the policies of a place as its teachers would. Nothing is trained
on them; `tuning` was used to choose settings, `test` wasn't. `--unseen` measures each policy with a model trained
without its clauses and questions, which takes some minutes: what a new city may expect.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from langchain_text_splitters import RecursiveCharacterTextSplitter

from assistant.answer import Outcome
from assistant.draft import drafted
from assistant.identity import Account, Role
from assistant.planner.planner import Planner
from assistant.policy import Clause, Policy
from assistant.results import Clauses, Run
from assistant.retrieval.embed import Embedder
from assistant.retrieval.index import Index, open_stores
from assistant.retrieval.search import fused, search
from assistant.retrieval.shelf import entry
from assistant.retrieval.wording import Wording
from assistant.settings import Settings
from assistant.store import policies
from assistant.store.database import Database
from assistant.tools import Tools
from ingest.policies import ingest_policies

QUESTIONS = Path(__file__).parent / "questions"
ROOT = Path(__file__).parent.parent
SPLITS = ("tuning", "test")
CHUNK, OVERLAP = 1000, 200  # characters, a usual setting of LangChain's splitter
START = 30  # characters of a clause's text by which a chunk is known to hold it


class Asked(NamedTuple):
    """A question to a policy, and the locators of the clauses that answer it."""

    policy: Policy
    text: str
    right: frozenset[str]


Ranked = Callable[[Asked], int | None]  # the place, from 0, of the first right one; None: it isn't there


def questions(split: str, known: Mapping[str, Policy]) -> list[Asked]:
    """The questions of a split. KeyError, ValueError: they name a policy or a clause that isn't there."""
    asked: dict[str, dict[str, Sequence[str]]] = yaml.safe_load((QUESTIONS / f"{split}.yaml").read_text("utf-8"))
    right: dict[tuple[str, str], set[str]] = {}
    for policy_id, locators in asked.items():
        for locator, texts in locators.items():
            if known[policy_id].clause(locator) is None:
                raise ValueError(f"{policy_id}#{locator}")
            for text in texts:
                right.setdefault((policy_id, text), set()).add(locator)
    return [Asked(known[policy_id], text, frozenset(places)) for (policy_id, text), places in right.items()]


class Texts:
    """Texts to be ranked for questions by wording, by meaning and by both, and which clauses each of them holds."""

    def __init__(self, texts: Sequence[str], holds: Sequence[frozenset[str]], embedder: Embedder) -> None:
        self._holds, self._embedder = holds, embedder
        self._vectors = embedder.embed(texts)
        self._wording = Wording(texts)

    def rank(self, asked: Asked, way: str) -> int | None:
        """The place of the first text that holds a right clause."""
        meaning = [float(cosine) for cosine in self._vectors @ self._embedder.embed([asked.text])[0]]
        wording = self._wording.scores(asked.text, thesaurus=way == "all")
        scores = {"wording": wording, "meaning": meaning}.get(way) or fused(meaning, wording)
        order = sorted(range(len(scores)), key=lambda number: -scores[number])
        return next((place for place, number in enumerate(order) if self._holds[number] & asked.right), None)


def clauses_of(policy: Policy, embedder: Embedder) -> Texts:
    """A policy's clauses as they are indexed."""
    there = [clause for clause in policy.clauses if clause.text]
    words = [entry(policy.meta, clause).words for clause in there]
    return Texts(words, [frozenset({clause.locator}) for clause in there], embedder)


def chunks_of(policy: Policy, embedder: Embedder) -> Texts:
    """A policy's text cut by length, as LangChain's splitter does."""
    text = "\n".join(f"{clause.heading}\n{clause.text}".strip() for clause in policy.clauses)
    chunks = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP).split_text(text)
    return Texts(chunks, [frozenset(_held(policy.clauses, chunk)) for chunk in chunks], embedder)


def _held(clauses: Sequence[Clause], chunk: str) -> Iterator[str]:
    return (clause.locator for clause in clauses if clause.text and clause.text[:START] in chunk)


def measured(asked: Sequence[Asked], ranked: Ranked) -> list[str]:
    """hit@1, hit@3, hit@5 and the mean reciprocal rank."""
    places = [ranked(one) for one in asked]
    hits = [np.mean([place is not None and place < first for place in places]) for first in (1, 3, 5)]
    reciprocal = np.mean([0.0 if place is None else 1 / (place + 1) for place in places])
    return [f"{share:.3f}" for share in (*hits, reciprocal)]


def ways(known: Mapping[str, Policy], database: Database, index: Index) -> Iterator[tuple[str, Ranked]]:
    """The ways of finding that are compared."""
    clauses = {name: clauses_of(policy, index.embedder) for name, policy in known.items()}
    chunks = {name: chunks_of(policy, index.embedder) for name, policy in known.items()}

    def used(asked: Asked) -> int | None:
        with database.read() as connection:
            hits = search(connection, index, asked.text, asked.policy.meta.unit, limit=50)
        return next((place for place, hit in enumerate(hits) if hit.clause.locator in asked.right), None)

    yield f"chunks of {CHUNK}/{OVERLAP} characters", lambda asked: chunks[asked.policy.meta.id].rank(asked, "all")
    yield "wording alone (BM25)", lambda asked: clauses[asked.policy.meta.id].rank(asked, "wording")
    yield "meaning alone (the shipped model)", lambda asked: clauses[asked.policy.meta.id].rank(asked, "meaning")
    yield "both", lambda asked: clauses[asked.policy.meta.id].rank(asked, "both")
    yield "both and the thesaurus, as used", used


def unseen(known: Mapping[str, Policy]) -> Ranked:
    """Ranking by models that never saw the policy that is asked, nor a question about it."""
    from evals.train_embedding import clauses_of as trained_on
    from evals.train_embedding import material, train

    clauses, (asked, groups) = trained_on(ROOT / "corpus"), material(ROOT / "evals" / "training")
    ranked = {}
    for name, policy in known.items():
        left = {place: words for place, words in clauses.items() if place[0] != name}
        model = train(left, [question for question in asked if question.policy != name], groups)
        ranked[name] = clauses_of(policy, _Trained(model))
    return lambda one: ranked[one.policy.meta.id].rank(one, "all")


class _Trained:
    """A model of sentence-transformers just trained."""

    shipped = False

    def __init__(self, model: Any) -> None:
        self._model, self.fingerprint = model, ""
        self.dimensions = len(model.encode("学时"))

    def embed(self, texts: Sequence[str]) -> Any:
        return self._model.encode(list(texts), normalize_embeddings=True)


def answered(planner: Planner, asked: Asked) -> str | None:
    """The locator of the clause that the answer to a teacher of the place quotes; None: none is quoted."""
    meta = asked.policy.meta
    account = Account("somebody", Role.TEACHER, "T0", None, f"{meta.unit}/学校")
    run = Run(account, meta.effective_from)
    draft, results = drafted(planner, asked.text, run)
    if draft.outcome is not Outcome.ANSWERED or not isinstance(results[0], Clauses):
        return None
    return next(found.clause.locator for found in results[0].found if f"[^{found.token}]" in draft.text)


def evidence(planner: Planner, known: Mapping[str, Policy], split: str) -> list[str]:
    """Shares: questions answered by a right clause, by another, not answered; unanswerable ones not answered."""
    asked = questions(split, known)
    quoted = [answered(planner, one) for one in asked]
    right = np.mean([locator in one.right for locator, one in zip(quoted, asked, strict=True)])
    refused = np.mean([locator is None for locator in quoted])
    unanswerable = yaml.safe_load((QUESTIONS / "unanswerable.yaml").read_text("utf-8"))[split]
    without = [Asked(known[name], text, frozenset()) for name, texts in unanswerable.items() for text in texts]
    kept = np.mean([answered(planner, one) is None for one in without])
    return [f"{share:.3f}" for share in (right, 1 - right - refused, refused, kept)]


@contextmanager
def installation() -> Iterator[tuple[Database, Index]]:
    """The shipped corpus, indexed in a folder that goes away."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.model_construct(home=Path(home))
        database, index = open_stores(settings)
        ingest_policies(database, index, [ROOT / "corpus"])
        yield database, index
        index.close()
        database.close()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description="measures how the right clause is found")
    options.add_argument("--unseen", action="store_true", help="also of policies that the model wasn't trained on")
    chosen = options.parse_args()
    with installation() as (database, index):
        with database.read() as connection:
            read = [policies.policy(connection, meta.id) for meta in policies.metas(connection)]
        known = {policy.meta.id: policy for policy in read if policy}
        compared = [*ways(known, database, index)]
        compared += [("the same, of a policy never trained on", unseen(known))] if chosen.unseen else []
        asked = {split: questions(split, known) for split in SPLITS}
        heads = [f"{split} {what}" for split in SPLITS for what in ("hit@1", "hit@3", "hit@5", "MRR")]
        print(f"\n{' and '.join(f'{len(asked[split])} questions ({split})' for split in SPLITS)}\n")
        print(f"| found by | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for name, ranked in compared:
            print(f"| {name} | {' | '.join(cell for split in SPLITS for cell in measured(asked[split], ranked))} |")
        planner = Planner(Tools(database, index))
        print("\n| answers | right clause | another clause | not answered | unanswerable, not answered |")
        print("|---|---|---|---|---|")
        for split in SPLITS:
            print(f"| {split} | {' | '.join(evidence(planner, known, split))} |")


if __name__ == "__main__":
    main()
