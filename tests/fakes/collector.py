"""An OpenTelemetry collector on loopback: reads OTLP requests as the protocol defines them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(slots=True)
class Collector:
    """What was received, and how to answer."""

    url: str = ""
    spans: list[Span] = field(default_factory=list[Span])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    refuses: bool = False

    def names(self) -> list[str]:
        """Return the names of the spans, sorted."""
        return sorted(span.name for span in self.spans)


@contextmanager
def running_collector() -> Generator[Collector]:
    """Listen on a free loopback port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            is_taken = self.path == "/v1/traces" and not collector.refuses
            if is_taken:
                collector.headers.append(dict(self.headers))
                scopes = [scope for each in request.resource_spans for scope in each.scope_spans]
                collector.spans += [span for scope in scopes for span in scope.spans]
            self.send_response(200 if is_taken else 400)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
