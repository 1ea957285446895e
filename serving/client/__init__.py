"""The Python client: `Client` for threads, `AsyncClient` for asyncio.

It imports neither numpy nor pandas, and nothing of the server but gRPC's messages, those only
when gRPC is spoken.
"""

from serving.client.answers import Prediction
from serving.client.async_client import AsyncClient
from serving.client.errors import (
    BadAnswerError,
    BadRequestError,
    BusyClientError,
    CircuitOpenError,
    ClientError,
    ClosedClientError,
    NotAllowedError,
    OverloadedError,
    ServerError,
    TimedOutError,
    UnavailableError,
    UnknownModelError,
    UnreachableError,
)
from serving.client.settings import Circuit, Connections, Retries, Timeouts
from serving.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "BadAnswerError",
    "BadRequestError",
    "BusyClientError",
    "Circuit",
    "CircuitOpenError",
    "Client",
    "ClientError",
    "ClosedClientError",
    "Connections",
    "NotAllowedError",
    "OverloadedError",
    "Prediction",
    "Retries",
    "ServerError",
    "TimedOutError",
    "Timeouts",
    "UnavailableError",
    "UnknownModelError",
    "UnreachableError",
]
