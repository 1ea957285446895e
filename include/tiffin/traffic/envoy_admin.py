"""Asks Envoy's admin port; the one place where its HTTP failures become UnavailableError."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from tiffin.errors import UnavailableError


class EnvoyAdmin:
    """A client of one Envoy's admin port. Every call only reads."""

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        parts = urlsplit(url)
        self._host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout_s = timeout_s
        self.url = url

    def is_dead(self) -> bool:
        """True when nothing listens on the admin port.

        An Envoy opens it before it reads any file, and watches each file before it reads it. So
        one that is dead after a file was replaced will begin with the new file. One that is
        starting, or hangs, is not dead: it may have read the old one.
        """
        try:
            with socket.create_connection((self._host, self.port), timeout=self._timeout_s):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def text(self, path: str) -> str:
        """Return the answer to a GET; raise UnavailableError when there is none."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=self._timeout_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise self._unavailable(f"HTTP {answer.status}")
        return body

    def numbers(self, pattern: str, kind: str) -> dict[str, int]:
        """Return the Counters or Gauges (`kind`) whose names match a regular expression."""
        return {name: int(value) for name, value in self._stats(pattern, kind)}

    def texts(self, pattern: str) -> dict[str, str]:
        """Return the text readouts whose names match a regular expression."""
        return {name: value.strip('"') for name, value in self._stats(pattern, "TextReadouts")}

    def epoch(self) -> str:
        """Return when this Envoy process read its bootstrap: another value is another process."""
        dump = self.text("/config_dump?mask=bootstrap.node.id,last_updated&name_regex=^$")
        found = re.search(r'BootstrapConfigDump".*?"last_updated": "([^"]+)"', dump, re.DOTALL)
        if found is None:
            raise self._unavailable("it has no bootstrap in its configuration dump")
        return found[1]

    def _stats(self, pattern: str, kind: str) -> list[tuple[str, str]]:
        body = self.text(f"/stats?type={kind}&filter={quote(pattern)}")
        pairs = (line.split(": ", 1) for line in body.splitlines() if ": " in line)
        return [(name, value) for name, value in pairs]

    def _unavailable(self, reason: str) -> UnavailableError:
        return UnavailableError(
            f"the gateway did not answer at {self.url} ({reason}); start it with `tiffin up` or "
            "wait until it is back, then try again",
            code="gateway-unavailable",
        )


def living(admins: Iterable[EnvoyAdmin]) -> list[EnvoyAdmin]:
    """Return the Envoys that are not dead; one that does not answer is among them."""
    return [admin for admin in admins if not admin.is_dead()]
