"""A local server of files that breaks off, refuses and lies."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path; ``cuts`` says after how many bytes each answer breaks off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.files, self.cuts, self.ranges, self.resumes = {}, [], [], True

    def url(self, name):
        return f'http://127.0.0.1:{self.server_port}/{name}'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get('Range')
        self.server.ranges.append(asked)
        content = self.server.files.get(self.path[1:])
        if content is None:
            return self.send_error(404)
        start = int(asked.removeprefix('bytes=').rstrip('-')) if asked else 0
        if not self.server.resumes:
            start = 0
        if start and start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(content) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start : start + cut])

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def running():
    with Server() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()
