"""`python -m evals.calibration [--write]`: how well the planner's examples tell intents, and the softmax's temperature.

Every example is judged by a model fitted without the fifth that it belongs to. Calibrated: of the questions said to be
of an intent with 80 %, 80 % are. `--write` fits the shipped model to all examples.
"""

import sys

import numpy as np

from assistant.planner.guess import TEMPERATURE, Matrix, examples, fit, save, softmax
from assistant.planner.words import tokens
from evals.bench.measure import row, table

FOLDS, BINS = 5, 10
TRIED = np.geomspace(0.02, 1.0, 40)


def held_out() -> tuple[Matrix, Matrix]:
    """The outputs for every example by a model that never saw it, and which intent is right (1, else 0)."""
    told = examples()
    fold = np.random.default_rng(0).integers(0, FOLDS, len(told))
    intents = sorted({intent for intent, _ in told})
    outputs = np.zeros((len(told), len(intents)), np.float32)
    for number in range(FOLDS):
        model = fit([one for one, where in zip(told, fold, strict=True) if where != number])
        outputs[fold == number] = model.outputs([tokens(told[place][1]) for place in np.flatnonzero(fold == number)])
    return outputs, np.array([[intent == one for one in intents] for intent, _ in told], np.float32)


def log_loss(chances: Matrix, right: Matrix) -> float:
    """The mean of minus the logarithm of what the right intent was given."""
    return float(-np.log((chances * right).sum(axis=1).clip(1e-9)).mean())


def calibration_error(chances: Matrix, right: Matrix) -> float:
    """Expected calibration error: how far the highest probability is from the share that is right, bin by bin."""
    top, hit = chances.max(axis=1), right[np.arange(len(right)), chances.argmax(axis=1)]
    bins = (top * BINS).astype(int).clip(0, BINS - 1)
    parts = [(bins == one).mean() * abs(top[bins == one].mean() - hit[bins == one].mean()) for one in set(bins)]
    return float(sum(parts))


def main() -> None:
    """Print accuracy, loss and calibration at the temperature used, and at the best of those tried."""
    outputs, right = held_out()
    best = min(TRIED, key=lambda one: log_loss(softmax(outputs, one), right))
    accuracy = (outputs.argmax(axis=1) == right.argmax(axis=1)).mean()
    columns = ["temperature", "right", "log loss", "calibration error"]
    table("Intents by likeness", f"{len(right)} examples, each judged without its own fifth", columns)
    for name, one in (("used", TEMPERATURE), ("best", float(best))):
        chances = softmax(outputs, one)
        loss, error = log_loss(chances, right), calibration_error(chances, right)
        row(name, f"{one:.3f}", f"{accuracy:.3f}", f"{loss:.3f}", f"{error:.3f}")


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        save()
    main()
