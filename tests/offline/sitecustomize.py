"""Refuse every connection that leaves the machine, in any Python that has this folder on PYTHONPATH.

The tests put it there for themselves and for the kernels that they start: a lecture that reaches for the network fails.
"""

import ipaddress
import socket


class NetworkRefused(OSError):
    """A connection to another machine was tried during the tests."""


def is_local(host: object) -> bool:
    """Whether a host is this machine: a loopback address, localhost, or no host at all."""
    if host in (None, "", b"", "localhost", b"localhost", "0.0.0.0", "::"):
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == socket.gethostname()


def guard(function, host_of):
    """The function, refused where its host is not this machine."""

    def guarded(*arguments, **options):
        host = host_of(*arguments)
        if not is_local(host):
            raise NetworkRefused(f"the tests allow no network, and something asked for {host!r}")
        return function(*arguments, **options)

    return guarded


def address_host(connection, address, *_):
    """The host of an internet address; other families, such as Unix sockets, are local."""
    return address[0] if connection.family in (socket.AF_INET, socket.AF_INET6) else None


socket.socket.connect = guard(socket.socket.connect, address_host)
socket.socket.connect_ex = guard(socket.socket.connect_ex, address_host)
socket.getaddrinfo = guard(socket.getaddrinfo, lambda host, *_: host)
socket.gethostbyname = guard(socket.gethostbyname, lambda host: host)
