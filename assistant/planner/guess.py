"""What a question resembles: how probable each intent is, by the examples of `examples.yaml`.

A linear model over the shipped embedding, the kinds of words and the characters of a question: ridge regression on the
examples, solved in closed form. It is kept in `likeness.npz` (`python -m evals.calibration --write`); where examples or
phrases were added since, it is fitted anew at the first question. A softmax makes probabilities of what it gives; its
temperature was fitted to examples held out (`python -m evals.calibration`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from assistant.planner.words import Token, tokens
from assistant.retrieval.embed import Embedder, load_embedder

TEMPERATURE = 0.12
_RIDGE = 1.0
_KINDS, _CHARACTERS = 1 / 3, 1.5  # what the kinds of words and the characters weigh beside the embedding
_RARE = 3  # runs of characters in fewer examples tell nothing
_LONGEST_RUN = 3
# Names, places, numbers and days are what a question is about, not what it asks.
_SLOTS = {"place", "id", "year", "short_year", "month", "day", "hours", "number", "code", "stop"}

_HERE = Path(__file__).parent
FITTED = _HERE / "likeness.npz"

Matrix = NDArray[np.float32]


@cache
def contents(name: str) -> Mapping[str, Any]:
    """A file of this folder as it stands: `intents`, `examples`."""
    text = (_HERE / f"{name}.yaml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return data


@dataclass(frozen=True)
class Likeness:
    """The linear model: of `kinds` of words and `runs` of characters, after the embedding, `weights` to `intents`."""

    intents: Sequence[str]
    kinds: Mapping[str, int]
    runs: Mapping[str, int]
    weights: Matrix

    def outputs(self, cuts: Sequence[Sequence[Token]], leaving_out: Iterable[str] = ()) -> Matrix:
        """How much each question is like each intent, about 1 for its own; shape (questions, intents)."""
        outputs: Matrix = _features(cuts, self.kinds, self.runs, leaving_out) @ self.weights
        return outputs


def fit(told: Sequence[tuple[str, str]]) -> Likeness:
    """What examples teach, (intent, question) each."""
    cuts = [tokens(text) for _, text in told]
    intents = sorted({intent for intent, _ in told})
    counts = Counter(run for cut in cuts for run in _runs(said(cut)))
    kinds = {kind: place for place, kind in enumerate(sorted({token.kind for cut in cuts for token in cut}))}
    runs = {run: place for place, run in enumerate(sorted(run for run, n in counts.items() if n >= _RARE))}
    seen = _features(cuts, kinds, runs)
    wanted = np.array([[intent == one for one in intents] for intent, _ in told], np.float32)
    # Fewer examples than features: the smaller system is solved.
    weights: Matrix = seen.T @ np.linalg.solve(seen @ seen.T + _RIDGE * np.eye(len(seen), dtype=np.float32), wanted)
    return Likeness(intents, kinds, runs, weights)


def _features(
    cuts: Sequence[Sequence[Token]],
    kinds: Mapping[str, int],
    runs: Mapping[str, int],
    leaving_out: Iterable[str] = (),
) -> Matrix:
    texts = [said(cut, leaving_out) for cut in cuts]
    of_kinds = np.zeros((len(cuts), len(kinds)), np.float32)
    of_runs = np.zeros((len(cuts), len(runs)), np.float32)
    for place, (cut, text) in enumerate(zip(cuts, texts, strict=True)):
        of_kinds[place, [kinds[token.kind] for token in cut if token.kind in kinds]] = _KINDS
        of_runs[place, [runs[run] for run in _runs(text) if run in runs]] = 1
    lengths = np.linalg.norm(of_runs, axis=1, keepdims=True)
    of_runs *= _CHARACTERS / np.where(lengths, lengths, 1)
    return np.hstack([_embedder().embed(texts), of_kinds, of_runs, np.ones((len(cuts), 1), np.float32)])


def save(path: Path = FITTED) -> None:
    """Fit to the examples and keep the model in a file."""
    made = fit(examples())
    np.savez_compressed(
        path,
        intents=np.array(made.intents),
        kinds=np.array(list(made.kinds)),
        runs=np.array(list(made.runs)),
        weights=made.weights,
        stamp=np.array(_stamp()),
    )


def is_fresh(path: Path = FITTED) -> bool:
    """Whether a kept model is of the examples, words and embedding as they are."""
    with np.load(path) as kept:
        return str(kept["stamp"]) == _stamp()


def _stamp() -> str:
    """Of all that the model is made of."""
    digest = hashlib.sha256(_embedder().fingerprint.encode())
    for name in ("examples", "phrases"):
        digest.update((_HERE / f"{name}.yaml").read_bytes())
    return digest.hexdigest()


def probabilities(cut: Sequence[Token], leaving_out: Iterable[str] = ()) -> Mapping[str, float]:
    """How probable each intent is, most probable first; `leaving_out`: names, which say nothing of it."""
    known = _known()
    chances = softmax(known.outputs([cut], leaving_out), TEMPERATURE)[0]
    return dict(sorted(zip(known.intents, map(float, chances), strict=True), key=lambda one: -one[1]))


def softmax(outputs: Matrix, temperature: float) -> Matrix:
    """Probabilities of each row's outputs."""
    raised = np.exp((outputs - outputs.max(axis=1, keepdims=True)) / temperature)
    chances: Matrix = raised / raised.sum(axis=1, keepdims=True)
    return chances


def said(cut: Sequence[Token], leaving_out: Iterable[str] = ()) -> str:
    """The words of a question without its slots."""
    words = [token for token in cut if token.kind not in _SLOTS and token.text not in leaving_out]
    return "".join(token.text for token in words if token.kind != "rest" or not token.text.isascii())


def examples() -> list[tuple[str, str]]:
    """All examples as (intent, question)."""
    return [(intent, text) for intent, texts in contents("examples").items() for text in texts]


@cache
def _known() -> Likeness:
    """The shipped model; where examples or phrases were added since it was made, one of theirs."""
    if not is_fresh():
        return fit(examples())
    with np.load(FITTED) as kept:
        kinds, runs = ({str(one): place for place, one in enumerate(kept[name])} for name in ("kinds", "runs"))
        return Likeness([str(one) for one in kept["intents"]], kinds, runs, kept["weights"])


@cache
def _embedder() -> Embedder:
    return load_embedder(None)


def _runs(text: str) -> set[str]:
    """The runs of up to three characters."""
    return {text[at : at + size] for size in range(1, _LONGEST_RUN + 1) for at in range(len(text) - size + 1)}
