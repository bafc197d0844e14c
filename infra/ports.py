"""Whether a port can be had, found out before anything is started."""

import errno
import os
import socket


class PortError(OSError):
    """An address can't be listened on; the message says which and why."""


def ensure_free(host: str, port: int, purpose: str, variable: str) -> None:
    """Bind the address and give it up again.

    Without `SO_REUSEPORT`, so that a listener which has it is noticed too.

    Raises:
        PortError: it is taken, or is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise PortError(error.errno, f"{purpose}: {host} is no address: {error.strerror}") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise PortError(error.errno, _message(error, host, port, purpose, variable)) from error


def _message(error: OSError, host: str, port: int, purpose: str, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{purpose}: port {port} of {host} is in use by another process; set {variable} to another one"
    if error.errno == errno.EACCES:
        return f"{purpose}: port {port} needs privileges; set {variable} to one above 1023"
    return f"{purpose}: can't listen on {host}:{port}: {os.strerror(error.errno or 0)}"
