"""Keeps a Service's port for the gateway's own Envoys.

They share it with SO_REUSEPORT, so that one of them can die. Nothing in the system keeps another
program of the same user, or the gateway of another home, from sharing it too, and half of the
requests with it: so whoever listens there is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

from tiffin.errors import RefusedError
from tiffin.ports import SOMEBODY, describe, is_free, listeners


def check_service_port(service: str, port: int, admin_ports: Iterable[int]) -> None:
    """Raise RefusedError when anybody but the Envoys on these admin ports listens on a port.

    Only looks. Asked before Envoys take the port, it keeps a stranger's requests the stranger's;
    asked after, it also finds who came in between.
    """
    if is_free(port):
        return
    holders = listeners()
    ours = frozenset[int | None]().union(*(holders.get(admin, ()) for admin in admin_ports))
    strangers = holders.get(port, SOMEBODY) - (ours - SOMEBODY)
    if strangers:
        raise service_port_taken(service, port, next(iter(strangers)))


def service_port_taken(service: str, port: int, holder: int | None) -> RefusedError:
    """Return the refusal that names the Service, its port and who holds it."""
    return RefusedError(
        f"port {port} of {service} is held by {describe(holder)}; stop it and try again, or choose "
        "another port in the service file",
        code="service-port-taken",
    )
