"""What Prometheus reads at `/metrics`. Every label has few values, all of them ours; nothing is anybody's.

Several workers add up through files in the folder that `PROMETHEUS_MULTIPROC_DIR` names, which `xueshi serve` sees to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from assistant import settings
from assistant.watch import Answered, Fact, Imported, ModelGaveUp, Refused, Retrieved

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_COSINES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

_questions = Counter("xueshi_questions", "Questions that were answered", ["outcome", "intent", "by"])
_answering = Histogram("xueshi_answer_seconds", "From a question to its whole answer", ["by"], buckets=_SECONDS)
_stages = Histogram("xueshi_stage_seconds", "Parts of answering a question", ["stage"], buckets=_SECONDS)
_refusals = Counter("xueshi_guard_rejections", "Drafts that the guard refused", ["by"])
_nearest = Histogram("xueshi_search_similarity", "Cosine of a query and the best clause found", buckets=_COSINES)
_empty = Counter("xueshi_searches_without_result", "Searches that found no clause")
_failures = Counter("xueshi_model_failures", "Questions that the language model gave nothing to go by for")
_rows = Counter("xueshi_import_rows", "Rows of imported record files", ["kind", "change"])
_requests = Counter("xueshi_http_requests", "Requests over HTTP", ["method", "route", "status"])
_serving = Histogram("xueshi_http_request_seconds", "Requests over HTTP, streams whole", ["route"], buckets=_SECONDS)


class Metrics:
    """Counts what is told."""

    def told(self, fact: Fact) -> None:
        """Count something that happened."""
        match fact:
            case Answered(outcome, intent, by, seconds):
                _questions.labels(outcome, intent, by).inc()
                _answering.labels(by).observe(seconds)
            case Refused(by):
                _refusals.labels(by).inc()
            case Retrieved(None):
                _empty.inc()
            case Retrieved(best) if best is not None:
                _nearest.observe(best)
            case ModelGaveUp():
                _failures.inc()
            case Imported(kind, change, rows):
                _rows.labels(kind, change).inc(rows)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a part of the work, whether it succeeds or not."""
        begun = perf_counter()
        try:
            yield
        finally:
            _stages.labels(name).observe(perf_counter() - begun)


METRICS = Metrics()


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` is its template."""
    _requests.labels(method, route, str(status)).inc()
    _serving.labels(route).observe(seconds)


def shown() -> bytes:
    """All that was counted, by all workers, in Prometheus's text format."""
    if not settings.shares_metrics():
        return generate_latest(REGISTRY)
    every = CollectorRegistry()
    MultiProcessCollector(every)  # type: ignore[no-untyped-call]
    return generate_latest(every)
