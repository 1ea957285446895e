"""API keys: who may ask for predictions, and who may load and unload models.

The file holds one line per key, `name:scopes:digest`, such as `mobile-app:predict:9f86d0...`;
the digest is the SHA-256 of the key, so whoever reads the file can't use it. Make one with
`python -m serving.services.keys NAME`. A changed file counts within a second, so keys are
rotated without a restart.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import logging
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from serving.runtime.settings import BadSettingError
from serving.services.turned_away import TurnedAwayError

_LOOK_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Scope(StrEnum):
    """What a key is good for."""

    PREDICT = "predict"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes


_ASK = ("www-authenticate", "Bearer")


def read_keys(file: Path) -> tuple[Key, ...]:
    """Read all keys; raise BadSettingError that names the file and the line that is wrong."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettingError(f"the keys file {file} can't be read: {error}") from None
    return tuple(
        _read_line(line, f"{file}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    )


def _read_line(line: str, place: str) -> Key:
    try:
        name, scopes, digest = line.strip().split(":")
        key = Key(name, frozenset(map(Scope, scopes.split(","))), bytes.fromhex(digest))
    except ValueError:
        raise BadSettingError(f"{place} is no key; write name:predict,admin:SHA-256") from None
    if len(key.digest) != hashlib.sha256().digest_size:
        raise BadSettingError(f"{place} ends in no SHA-256; it has 64 hexadecimal digits")
    return key


def presented_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key that a request carries; the header made for it wins."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None


def find_key(keys: Sequence[Key], presented: bytes) -> Key | None:
    """Return the key with this digest; takes as long for a near miss as for any other."""
    digest = hashlib.sha256(presented).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


class KeyRing:
    """The keys of a server, read again when their file has changed."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: tuple[Key, ...] = read_keys(file) if file else ()
        self._presented: dict[bytes, Key] = {}
        self._stamp = _stamp(file)
        self._looked_at = time.monotonic()

    def has(self, scope: Scope) -> bool:
        """Tell whether any key is good for `scope`."""
        self._look()
        return any(scope in key.scopes for key in self._keys)

    def check(self, headers: Mapping[bytes, bytes], scope: Scope) -> None:
        """Raise TurnedAwayError for a request whose key is not good for `scope`.

        Without a file everybody may ask.
        """
        if self._file is None:
            return
        self._look()
        presented = presented_key(headers)
        if presented is None:
            words = "send an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
            raise TurnedAwayError(401, words, _ASK)
        key = self._presented.get(presented) or self._find(presented)
        if key is None:
            raise TurnedAwayError(401, "this API key is not known here", _ASK)
        if scope not in key.scopes:
            raise TurnedAwayError(403, f"the key {key.name} is not good for {scope.value}")

    def _find(self, presented: bytes) -> Key | None:
        key = find_key(self._keys, presented)
        if key is not None:
            self._presented[presented] = key  # a hash for each request costs more than a dictionary
        return key

    def _look(self) -> None:
        """Read a file that has changed; a broken one leaves the keys that callers depend on."""
        now = time.monotonic()
        if self._file is None or now - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = now
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = read_keys(self._file)
            self._presented = {}
        except BadSettingError as refused:
            _log.error("the API keys stay as they were: %s", refused)


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    try:
        facts = file.stat() if file else None
    except OSError:
        return None
    return (facts.st_mtime_ns, facts.st_ino, facts.st_size) if facts else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a key: the key itself goes to the screen once, its line is for the file."""
    parser = argparse.ArgumentParser(prog="python -m serving.services.keys", description="A key.")
    parser.add_argument("name", help="who uses it; shown in refusals, so that people know")
    parser.add_argument("--scope", choices=[*Scope], action="append", help="may be repeated")
    asked = parser.parse_args(arguments)
    if ":" in asked.name or not asked.name.isprintable():
        parser.error("a name has no colon")
    key = secrets.token_urlsafe(32)
    scopes = ",".join(asked.scope or [Scope.PREDICT])
    sys.stdout.write(f"the key, shown this once: {key}\n")
    sys.stdout.write(f"its line for the keys file: {key_line(asked.name, scopes, key)}\n")
    return 0


def key_line(name: str, scopes: str, key: str) -> str:
    """Return the line of the keys file for a key."""
    return f"{name}:{scopes}:{hashlib.sha256(key.encode()).hexdigest()}"


if __name__ == "__main__":
    sys.exit(main())
