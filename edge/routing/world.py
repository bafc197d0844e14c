"""Which providers a project can call, and with which deployments: settings and control data put together.

Made anew for every snapshot of the control data, which is seldom; a call only looks things up.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any

from tallygate.control.snapshot import Deployment, Snapshot
from tallygate.edge.routing.registry import Provider
from tallygate.edge.routing.router import Router
from tallygate.edge.routing.target import Target


class View:
    """What one project can call."""

    def __init__(self, project: str, snapshot: Snapshot, targets: Mapping[str, Target]) -> None:
        self.project = project
        self.snapshot = snapshot
        self._places: dict[str, tuple[Target, ...]] = {}
        self.itineraries: dict[Hashable, Any] = {}
        """Kept for `routing.itinerary`."""
        found = dict(targets)
        for scope, provider in snapshot.deployments:
            if scope in {None, project} and provider not in found:
                found[provider] = Target(own_provider(provider), "")
        self.router = Router(found)

    def places(self, provider: str) -> tuple[Target, ...]:
        """A provider's deployments: the project's credentials, else the shared ones, else the settings'."""
        places = self._places.get(provider)
        if places is None:
            base = self.router.targets[provider]
            stored = self.snapshot.deployments_of(self.project, provider)
            places = tuple(_place(base, each) for each in stored) or (base,)
            self._places[provider] = places
        return places


class World:
    """One state of the control data, for all projects."""

    def __init__(self, snapshot: Snapshot, targets: Mapping[str, Target]) -> None:
        self.snapshot = snapshot
        self.providers = frozenset(targets) | {provider for _, provider in snapshot.deployments}
        self._targets = targets
        self._views: dict[str, View] = {}
        self._reserving = frozenset(
            project
            for project, rules in snapshot.rule_book.rules.items()
            if any(rule.reserve for rule in rules)
        )

    def reserves(self, project: str) -> bool:
        """Whether a budget of the project sets aside what calls may cost."""
        return project in self._reserving

    def view(self, project: str) -> View:
        """What a project can call."""
        view = self._views.get(project)
        if view is None:
            view = self._views[project] = View(project, self.snapshot, self._targets)
        return view


class Worlds:
    """The world as it is now."""

    def __init__(self, snapshots: Callable[[], Snapshot], targets: Mapping[str, Target]) -> None:
        self._snapshots = snapshots
        self._targets = targets
        self._current = World(snapshots(), targets)

    def current(self) -> World:
        """Take it once per call, so that the call sees one state."""
        snapshot = self._snapshots()
        if snapshot is not self._current.snapshot:
            self._current = World(snapshot, self._targets)
        return self._current


def own_provider(id_: str) -> Provider:
    """A provider that the registry does not know speaks OpenAI's dialect at its base URL."""
    return Provider(id_, "", stream_usage=True)


def _place(base: Target, stored: Deployment) -> Target:
    key = stored.api_key
    secrets = {name: secret.get_secret_value() for name, secret in stored.secrets.items()}
    return replace(
        base,
        base_url=(stored.base_url or ("" if stored.region else base.base_url)).rstrip("/"),
        api_key=key.get_secret_value() if key is not None else "",
        secrets=secrets,
        api_version=stored.api_version or base.api_version,
        region=stored.region or base.region,
        model_map=stored.model_map,
        weight=stored.weight,
        name=stored.credential_id,
    )
