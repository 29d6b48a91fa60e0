"""A receiver of remote write that notes what it takes, and can refuse, break and hang."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from madang.collect.remote_write import RemoteWriteDecoder, proto_of
from madang.core.samples import is_stale, labels_of


class Peer(ThreadingHTTPServer):
    """``answers`` are given first, each once: a status, or a status and headers; None breaks off.

    Requests count in ``requests`` as (headers, Pushed).
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/v1/write"
        self.changed = threading.Condition()
        self.decoder = RemoteWriteDecoder()
        self.answers = []
        self.requests = []
        self.taken = []
        self.closes = False
        """Whether connections are closed after each answer, without a word of it."""
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def wait_for(self, holds, timeout_s=20.0):
        with self.changed:
            assert self.changed.wait_for(holds, timeout_s), (len(self.requests), len(self.taken))

    def samples(self):
        """By labels: [(ms, value)] in the order in which they came; None ends a series."""
        found = {}
        with self.changed:
            for pushed in self.taken:
                one = pushed.samples
                ends = is_stale(one.values)
                rows = zip(one.series, one.ts_ms, one.values, ends, strict=True)
                for place, at_ms, value, end in rows:
                    labels = tuple(sorted(labels_of(one.labels[place]).items()))
                    sample = (int(at_ms), None if end else float(value))
                    found.setdefault(labels, []).append(sample)
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        proto = proto_of(self.headers["content-type"], self.headers["content-encoding"])
        peer = self.server
        with peer.changed:
            pushed = peer.decoder.decode(body, proto)
            peer.requests.append((self.headers, pushed))
            answer = peer.answers.pop(0) if peer.answers else 204
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if status is not None and status < 300:
                peer.taken.append(pushed)
            peer.changed.notify_all()
        if status is None:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()
        self.close_connection = peer.closes

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            return  # the connection was broken off on purpose

    def log_message(self, *_):
        pass
