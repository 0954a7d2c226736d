"""Ports of this machine for what commands start.

Add here how a port is chosen; avoid serving on it.
"""

import socket

from coordinator_pipelines.domain.values.errors import CoordinatorError

HOST = "127.0.0.1"
UI_PORT, REPORT_PORT, MODELS_PORT = 3000, 8000, 9091
"""What is served where, unless somebody has the port or the user names another one."""
NEAR = 100


def free_port(wanted: int = 0) -> int:
    """The port if nobody has it, else another one."""
    return next(port for port in (_bound(wanted), _bound(0)) if port is not None)


def next_free_port(wanted: int) -> int:
    """The port if nobody has it, else the first free one of the hundred above, or any."""
    near = (_bound(port) for port in range(wanted, min(wanted + NEAR, 65536)))
    return next((port for port in near if port is not None), None) or free_port()


def neighbour(models_port: int) -> int:
    """Where the list of models is to be had, beside the port on which they are announced."""
    return models_port + 1 if models_port < 65535 else models_port - 1


def is_served(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def require_free(port: int, instead: str) -> None:
    """Refuse a port that somebody has.

    Raises:
        CoordinatorError: somebody has it; ``instead`` says how to name another one.
    """
    if _bound(port) is None:
        raise CoordinatorError(f"port {port} cannot be used (another program has it); {instead}")


def _bound(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
