"""The demo's own system: everything of `tallygate up`, and a simulator behind it."""

import socket
from collections.abc import Iterable
from dataclasses import replace

from tallygate.infra import stack
from tallygate.infra.stack import BEHIND, Endpoint
from tallygate.infra.supervisor import ChildSpec
from tallygate.runtime.config import Settings

SIMULATOR_KEY = "sk-simulator"
WITHOUT_VERSION = ("anthropic", "google")
"""Providers whose base URL does not end in a version."""


def processes(settings: Settings, providers: Iterable[str]) -> tuple[list[ChildSpec], list[Endpoint]]:
    """All processes, each told to take the simulator for every provider."""
    port = free_port()
    environment = provider_environment(f"http://127.0.0.1:{port}", providers)
    environment["TALLYGATE_DATA_DIR"] = str(settings.data_dir)
    children, endpoints = stack.embedded(settings)
    mine = [replace(child, environment=environment) for child in children]
    simulator = ChildSpec("simulator", ("simulator", "--port", str(port)), BEHIND)
    return [simulator, *mine], [*endpoints, Endpoint("simulator", "127.0.0.1", port, "--port")]


def provider_environment(simulator: str, providers: Iterable[str]) -> dict[str, str]:
    """Settings that point every provider at a simulator, with a key of no worth.

    The key is set too: one that the environment holds must not be sent to a simulator.
    """
    environment = {}
    for provider in providers:
        prefix = f"TALLYGATE_PROVIDERS__{provider.upper()}"
        environment[f"{prefix}__BASE_URL"] = simulator if provider in WITHOUT_VERSION else f"{simulator}/v1"
        environment[f"{prefix}__API_KEY"] = SIMULATOR_KEY
    return environment


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
