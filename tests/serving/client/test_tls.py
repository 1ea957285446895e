"""Over https, through a proxy that ends TLS, as gateways do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serving.client import Connections, Retries, TimedOutError, Timeouts, UnreachableError
from tests.serving.client.callers import ROWS, TWINS, caller
from tests.serving.client.failing_server import drip, failing
from tests.serving.runtime.grpc.servers import running

both = pytest.mark.parametrize("twin", TWINS)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with a key and its own signature on it, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(key.private_bytes(pem, *private) + made.public_bytes(pem))
    return file


@asynccontextmanager
async def behind_tls(certificate: Path, port: int) -> AsyncIterator[str]:
    """Yield the address of a proxy that hands on to `port`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    connections: list[asyncio.Future[list[None]]] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        pumping = asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        connections.append(pumping)
        await pumping

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for pumping in connections:
            pumping.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


def trusting(certificate: Path) -> Connections:
    return Connections(verify=ssl.create_default_context(cafile=str(certificate)))


@both
def test_a_certificate_that_is_trusted_is_enough(certificate: Path, twin: str) -> None:
    async def scenario() -> None:
        async with (
            failing() as server,
            behind_tls(certificate, server.port) as url,
            caller(twin, url, connections=trusting(certificate)) as here,
        ):
            assert (await here.predict(ROWS)).predictions == (1.0,)

    asyncio.run(scenario())


@both
def test_grpc_goes_through_tls_too(certificate: Path, twin: str) -> None:
    settings = {"protocol": "grpc", "model": "points", "connections": trusting(certificate)}

    async def scenario() -> None:
        async with (
            running() as server,
            behind_tls(certificate, server.port) as url,
            caller(twin, url, **settings) as here,
        ):
            assert len((await here.predict([[1.0, 2.0, 3.5]])).predictions) == 1

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("protocol", ["predict", "grpc"])
def test_an_unknown_certificate_is_refused(certificate: Path, twin: str, protocol: str) -> None:
    settings = {"protocol": protocol, "retries": Retries(tries=1)}

    async def scenario() -> None:
        async with (
            failing() as server,
            behind_tls(certificate, server.port) as url,
            caller(twin, url, **settings) as here,
        ):
            with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
                await here.predict(ROWS)
            assert server.asked == []

    asyncio.run(scenario())


@both
def test_a_whole_request_is_bounded_through_tls_too(certificate: Path, twin: str) -> None:
    settings = {
        "connections": trusting(certificate),
        "timeouts": Timeouts(try_s=0.3),
        "retries": Retries(tries=1),
    }

    async def scenario() -> None:
        async with (
            failing(then=drip("body")) as server,
            behind_tls(certificate, server.port) as url,
            caller(twin, url, **settings) as here,
        ):
            with pytest.raises(TimedOutError):
                await here.predict(ROWS)

    asyncio.run(scenario())
