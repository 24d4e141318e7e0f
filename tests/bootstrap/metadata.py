"""Instance metadata, version 2 only: no token, no answer. On 169.254.169.254 of a private network.

Source: EC2 user guide, "Use IMDSv2" and "Instance metadata categories".
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("169.254.169.254", 80)
TOKEN = "AQAEAtokenAAAA"
ROLE = "shop-role"
CREDENTIALS = json.dumps(
    {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIAINSTANCE",
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2099-01-01T00:00:00Z",
        "LastUpdated": "2026-01-01T00:00:00Z",
    }
)


class Metadata(ThreadingHTTPServer):
    """`tags` is what instance metadata says of the instance's tags; `refused`: requests without token."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        super().__init__(ADDRESS, Handler)
        self.tags = dict(tags)
        self.refused = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path: str) -> str | None:
        """The text at a path below /latest/meta-data/; None: 404."""
        if path.startswith("tags/instance/"):
            return self.tags.get(path.removeprefix("tags/instance/"))
        return {
            "placement/region": "us-east-1",
            "iam/security-credentials/": ROLE,
            f"iam/security-credentials/{ROLE}": CREDENTIALS,
        }.get(path)


class Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        """A session token, for whoever names its time to live."""
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        right = self.path == "/latest/api/token" and ttl.isdigit() and 1 <= int(ttl) <= 21_600
        self._say(200 if right else 400, TOKEN if right else "")

    def do_GET(self) -> None:
        """One fact, for whoever has the token."""
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.server.refused += 1
            self._say(401, "")
            return
        found = self.server.answer(self.path.removeprefix("/latest/meta-data/"))
        self._say(404 if found is None else 200, found or "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Silence."""
