"""A loopback server that answers each path with what a test says, and remembers the questions."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers by path; an unknown path is a 404."""

    def __init__(self, url: str, answers: Mapping[str, tuple[int, object]]) -> None:
        self.url = url
        self.answers = dict(answers)
        self.heard: list[tuple[str, str]] = []
        """Path and authorization of each request."""


@contextmanager
def serving(answers: Mapping[str, tuple[int, object]]) -> Generator[Server]:
    """Serve until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            server.heard.append((path, self.headers.get("Authorization", "")))
            status, body = server.answers.get(path, (404, {}))
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the base class calls it so

        def log_message(self, format: str, *args: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{listener.server_port}", answers)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
