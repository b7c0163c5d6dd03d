"""Spans of requests, as a collector receives them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject
from tests.serve.test_server import free_port, server

from tenure.errors import ExtraMissing
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings
from tenure.serve.traces import traced

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, queue.Queue[bytes]]]:
    """An HTTP server that takes spans as a collector does: its address, and the bodies that came."""
    bodies: queue.Queue[bytes] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spans(body: bytes) -> list[Any]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = ExportTraceServiceRequest.FromString(body)
    return [
        (resource.resource, span)
        for resource in found.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes(of: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in of.attributes}


def ask(project: ServedProject, rows: list[Any], workers: int = 1) -> list[int]:
    """Statuses of a good and a bad request to a traced service."""
    trace = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    with server(project, workers) as (address, _):
        good = httpx.post(f"{address}/predict", json=rows[0], headers=trace)
        bad = httpx.post(f"{address}/v2/models/customers/infer", json={})
    return [good.status_code, bad.status_code]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_is_a_span_of_the_clients_trace(
    project: ServedProject, rows: list[Any], monkeypatch: pytest.MonkeyPatch, workers: int
):
    with collector() as (address, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        # what waits to be sent is sent when the service stops
        assert ask(project, rows, workers) == [200, 400]
        found = [span for _ in range(bodies.qsize()) for span in spans(bodies.get())]
    by_path = {attributes(span)["http.target"]: (resource, span) for resource, span in found}
    resource, good = by_path["/predict"]
    assert attributes(resource)["service.name"] == "tenure"
    assert (good.name, good.trace_id.hex(), good.parent_span_id.hex()) == ("POST /predict", TRACE, PARENT)
    assert attributes(good)["http.status_code"] == 200
    bad = by_path["/v2/models/customers/infer"][1]
    assert attributes(bad)["http.status_code"] == 400
    assert bad.trace_id.hex() != TRACE
    assert not bad.parent_span_id


def test_where_nobody_takes_the_spans_requests_are_answered(
    project: ServedProject, rows: list[Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert ask(project, rows) == [200, 400]


def test_without_the_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.asgi", None)
    with pytest.raises(ExtraMissing, match=r"opentelemetry") as caught:
        traced(create_app(ServeSettings(Path("champion.json"))), "customers")
    assert "tenure[otel]" in str(caught.value)
