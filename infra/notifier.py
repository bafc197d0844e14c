"""The notifier, put together: in a process of its own, or in the core of the embedded run."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from prometheus_client import CollectorRegistry

from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.errors import StoreUnavailableError
from tallygate.control.open import open_store
from tallygate.control.store.database import ControlStore
from tallygate.infra.notify_metrics import watch_notifier
from tallygate.runtime.config import Settings
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.addresses import AddressGuard
from tallygate.stream_processors.notify.courier import Courier, CourierOptions
from tallygate.stream_processors.notify.housekeeping import Housekeeping
from tallygate.stream_processors.notify.http import GuardedClient
from tallygate.stream_processors.notify.intake import Intake
from tallygate.stream_processors.notify.sender import Sender
from tallygate.stream_processors.notify.smtp import Mailer

log = logging.getLogger(__name__)
RETRY_S = 1.0
LEASE_MARGIN_S = 10.0
"""Beyond two tries' time: for a store that answers slowly. So long a killed process's deliveries wait."""


class Source(Protocol):
    """Where events come from."""

    async def run(self, stop: asyncio.Event) -> None:
        """Hand them to the intake until told to stop."""
        ...


class Notifier:
    """Everything of one process that tells people."""

    def __init__(self, settings: Settings, store: ControlStore, sender: Sender, owner: str) -> None:
        """`owner` names this process among those that share the store."""
        notify = settings.notify
        self.deliveries = StoredDeliveries(store, max_waiting_calls=notify.max_waiting_calls)
        self.courier = Courier(
            self.deliveries, sender, owner, CourierOptions(lease_s=2 * notify.timeout_s + LEASE_MARGIN_S)
        )
        self.intake = Intake(self.deliveries, keep_days=notify.keep_days, on_new=self.courier.wake)
        self.housekeeping = Housekeeping(self.deliveries, keep_days=notify.keep_days)
        self._owner = owner

    async def run(self, source: Source, stop: asyncio.Event) -> None:
        """Work until told to stop; what is not sent then is sent after the next start.

        Raises:
            ExceptionGroup: one part can't go on, and so none does.
        """
        await self._take_back(stop)
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.courier.run(stop), name="courier")
            parts.create_task(self.housekeeping.run(stop), name="housekeeping")
            parts.create_task(source.run(stop), name="events")

    async def _take_back(self, stop: asyncio.Event) -> None:
        """What an earlier process of this name was sending when it was killed is due at once."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.deliveries.release, self._owner)
            except RetryableError as error:
                log.warning("deliveries wait: %s", error)
                await asyncio.sleep(RETRY_S)
            else:
                return


def mailer_of(settings: Settings) -> Mailer:
    """What sends e-mail.

    Raises:
        ConfigError: the mail server's certificates can't be read.
    """
    return Mailer(settings.smtp, timeout_s=settings.notify.timeout_s)


@asynccontextmanager
async def notifier(
    settings: Settings, store: ControlStore, mailer: Mailer, owner: str, registry: CollectorRegistry
) -> AsyncIterator[Notifier]:
    """A notifier with its connections, which end with the block."""
    notify = settings.notify
    client = GuardedClient(AddressGuard(notify.allow_private), timeout_s=notify.timeout_s)
    try:
        made = Notifier(settings, store, Sender(client, mailer), owner)
        watch_notifier(made, registry)
        yield made
    finally:
        await client.close()


async def store_opened(settings: Settings, stop: asyncio.Event) -> ControlStore | None:
    """The control store, as soon as it is there; None if it was time to stop before.

    Raises:
        ConfigError, SchemaError, MasterKeyError: stop; the message says what to do.
    """
    while not stop.is_set():
        try:
            return await asyncio.to_thread(open_store, settings)
        except StoreUnavailableError as error:
            log.warning("%s; again in %.0f s", error, RETRY_S)
            await asyncio.sleep(RETRY_S)
    return None
