"""A span for each request, sent to a collector of OpenTelemetry, where the config asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from tenure.errors import ExtraMissing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def traced(app: ASGIApp, name: str) -> ASGIApp:
    """The application, with a span for each request: part of the client's trace where `traceparent` names one.

    name: of the service, unless OTEL_SERVICE_NAME says another. Where spans go, and which, is told by OpenTelemetry's
    own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT (http://localhost:4318 without it) and OTEL_TRACES_SAMPLER. They
    are sent from a thread of their own, and are lost, not waited for, where nobody takes them.
    Raises ExtraMissing without the libraries.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ExtraMissing("opentelemetry", "otel") from None
    resource = Resource.create({"service.name": name}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    spans = OpenTelemetryMiddleware(
        cast(Any, app), tracer_provider=provider, exclude_spans=["receive", "send"]
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_after_spans(message: Message) -> None:
            # a worker ends right after this, at a signal
            if message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(provider.shutdown)
            await send(message)

        await spans(scope, receive, send_after_spans if scope["type"] == "lifespan" else send)

    return answer
