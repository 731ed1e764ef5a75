"""Traces by OpenTelemetry, where its standard variables say where to: requests and the parts of answering a question.

Spans hold methods, templates of paths, states and the names of parts: nothing that anybody wrote or is.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind
from starlette.types import Scope

from assistant.watch import Fact


class Traces:
    """Makes spans and sends them off in the background."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        """`exporter`: None, OTLP over gRPC to where `OTEL_EXPORTER_OTLP_ENDPOINT` and its like say."""
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=Resource.create())
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("xueshi")

    def told(self, fact: Fact) -> None:
        """Facts are for counting."""

    def stage(self, name: str) -> AbstractContextManager[object]:
        """A span of a part of the work. Exceptions aren't noted: their texts may hold anything."""
        return self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Span]:
        """The span of a request over HTTP, which goes on with the caller's trace."""
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            "request", extract(names), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    def close(self) -> None:
        """Send off what is left."""
        self._provider.shutdown()
