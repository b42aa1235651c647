"""What Google Cloud Storage answers to the requests that the service sends: a stand-in for the real one, in memory.

Generations, conditions and errors are those of its XML interface:
https://cloud.google.com/storage/docs/xml-api/reference-headers
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class _Kept:
    content: bytes
    generation: int
    modified: float = 1_498_780_800.0

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": f'"{self.generation:x}"',
            "x-goog-generation": str(self.generation),
            "Last-Modified": formatdate(self.modified, usegmt=True),
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kept: dict[str, _Kept]
    lock: threading.Lock

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        content, name = self.rfile.read(int(self.headers["Content-Length"])), self._name()
        with self.lock:
            before = self.kept.get(name)
            wanted = self.headers.get("x-goog-if-generation-match")
            if wanted is not None and int(wanted) != (0 if before is None else before.generation):
                self._answer(HTTPStatus.PRECONDITION_FAILED)
                return
            self.kept[name] = _Kept(content, 1 if before is None else before.generation + 1)
        self._answer(HTTPStatus.OK, headers=self.kept[name].headers)

    def do_GET(self) -> None:
        if "list-type" in self._query():
            self._answer(HTTPStatus.OK, self._list())
            return
        kept = self.kept.get(self._name())
        if kept is None:
            self._answer(HTTPStatus.NOT_FOUND)
        elif self.headers.get("If-None-Match") == kept.headers["ETag"]:
            self._answer(HTTPStatus.NOT_MODIFIED, headers=kept.headers)
        else:
            self._answer(HTTPStatus.OK, kept.content, kept.headers)

    do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

    def do_DELETE(self) -> None:
        self._answer(HTTPStatus.NO_CONTENT if self.kept.pop(self._name(), None) else HTTPStatus.NOT_FOUND)

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path.lstrip("/"))

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def _list(self) -> bytes:
        bucket, prefix = self._name().strip("/"), self._query().get("prefix", [""])[0]
        found = "".join(
            f"<Contents><Key>{escape(name.removeprefix(f'{bucket}/'))}</Key><Size>{len(kept.content)}</Size>"
            f"<LastModified>2017-06-30T00:00:00.000Z</LastModified><ETag>{kept.generation:x}</ETag></Contents>"
            for name, kept in sorted(self.kept.items())
            if name.startswith(f"{bucket}/{prefix}")
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()

    def _answer(self, status: HTTPStatus, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def google_stand_in(folder: Path) -> Iterator[Path]:
    """Run one; give the file that opens its buckets, of which there are all."""
    handler = type("Handler", (_Handler,), {"kept": {}, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opens = folder / "google.json"
    opens.write_text(json.dumps({"base_url": f"http://127.0.0.1:{server.server_port}", "bearer_token": "token"}))
    try:
        yield opens
    finally:
        server.shutdown()
        server.server_close()
