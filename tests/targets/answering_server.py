"""A tiny real server in place of a bento: ready at once, and says who it is."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLD = (
    *("TIFFIN_SERVICE", "TIFFIN_REVISION", "TIFFIN_MODEL_VERSION"),
    *("TIFFIN_WORKERS", "TIFFIN_DRAIN_SECONDS", "OMP_NUM_THREADS"),
)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({name: os.environ.get(name) for name in TOLD}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if sys.argv[1] == "broken":
        sys.exit("ValueError: the model file is truncated")
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
