"""A webhook delivery of the MLflow registry: verified over its raw bytes, then read. Pure.

A delivery is a hint: it can be lost, doubled and reordered. What to do is read from the registry.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tiffin.errors import RefusedError

OLDEST = timedelta(seconds=300)
"""How far a delivery's time may be from ours, either way."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_TIME = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the registry says has happened. Its id is the same when it is sent again."""

    id: str
    sent_at: datetime
    entity: str
    action: str
    model: str


def verified(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Delivery:
    """Return the delivery; raise RefusedError `webhook-forged`, `-stale` or `-malformed`.

    The signature is checked first: nothing of an unsigned body is looked at.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    delivery, when = sent.get("x-mlflow-delivery-id", ""), sent.get("x-mlflow-timestamp", "")
    signed = f"{delivery}.{when}.".encode() + body
    theirs = sent.get("x-mlflow-signature", "")
    if not hmac.compare_digest(signature(secret, signed), theirs.encode()):
        raise RefusedError(
            "the delivery's signature does not fit its content; send it from the MLflow server "
            "that `tiffin up` configured",
            code="webhook-forged",
        )
    if not _ID.fullmatch(delivery) or not _TIME.fullmatch(when):
        raise _malformed("its delivery id or timestamp is none")
    sent_at = datetime.fromtimestamp(int(when), UTC)
    if abs(now - sent_at) > OLDEST:
        raise RefusedError(
            f"the delivery {delivery} was sent at {sent_at.isoformat()}, more than "
            f"{OLDEST.total_seconds():.0f} s from now; check the clocks, or ignore a replay",
            code="webhook-stale",
        )
    return _read(delivery, sent_at, body)


def signature(secret: str, signed: bytes) -> bytes:
    """Return the signature of `<delivery id>.<unix seconds>.<raw body>` as MLflow sends it."""
    return b"v1," + base64.b64encode(hmac.digest(secret.encode(), signed, "sha256"))


def _read(delivery: str, sent_at: datetime, body: bytes) -> Delivery:
    try:
        told = json.loads(body)
        entity, action, model = told["entity"], told["action"], told["data"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _malformed(f"its body can't be read ({type(error).__name__})") from error
    if not all(isinstance(value, str) for value in (entity, action, model)):
        raise _malformed("its entity, action or name is no text")
    return Delivery(delivery, sent_at, entity, action, model)


def _malformed(why: str) -> RefusedError:
    return RefusedError(
        f"the delivery is signed but {why}; this version of MLflow may send another shape",
        code="webhook-malformed",
    )
