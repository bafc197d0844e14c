"""What stands before a provider, put together from the settings: budgets, rate limits, the cache."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tallygate.edge.budget.check import BudgetCheck, WithinBudget
from tallygate.edge.budget.gate import MemoryBudgetGate
from tallygate.edge.budget.holds import HoldStore, HoldStoreError
from tallygate.edge.budget.lmdb_holds import LmdbHoldStore
from tallygate.edge.budget.reserve import Reservations
from tallygate.edge.budget.state_file import BudgetFile
from tallygate.edge.budget.worst import NoPrices, WorstCases
from tallygate.edge.cache.cache import ResponseCache
from tallygate.edge.cache.lmdb_store import LmdbCacheStore
from tallygate.edge.cache.step import CachedAnswers
from tallygate.edge.cache.store import Bounds, CacheStore, CacheStoreError
from tallygate.edge.gate import Checks
from tallygate.edge.limits.checks import RateLimits
from tallygate.edge.limits.limiter import Limiter
from tallygate.edge.limits.lmdb_store import LmdbLimitStore
from tallygate.edge.limits.meter import CallMeter, NoMeter
from tallygate.edge.limits.store import LimitStore, LimitStoreError
from tallygate.edge.steps import Cache, Gate, NoCache
from tallygate.runtime.config import ConfigError, Settings
from tallygate.runtime.metrics import EdgeMetrics
from tallygate.runtime.tasks import spawn
from tallygate.schemas.rules import PriceOverride, RuleBook

if TYPE_CHECKING:
    from redis.asyncio import Redis


class EdgeMeter(CallMeter, WorstCases, Protocol):
    """What the edge asks of whoever keeps the accounts."""

    def follow(self, overrides: Callable[[], Mapping[str, Sequence[PriceOverride]]]) -> None:
        """Take the projects' own prices from here; called before the first call."""
        ...


@dataclass(frozen=True, slots=True)
class Controls:
    """The steps that an `EdgeServer` takes."""

    gate: Gate
    cache: Cache


@asynccontextmanager
async def opened(
    settings: Settings,
    metrics: EdgeMetrics,
    meter: CallMeter | None = None,
    worst_cases: WorstCases | None = None,
    rules: Callable[[], RuleBook] = RuleBook,
    partitions: int = 1,
) -> AsyncIterator[Controls]:
    """The controls of one worker; its stores are shared with the machine's others, or through Redis.

    `partitions` are those of the event log.

    Raises:
        ConfigError: a store can't be opened. (Redis is not asked: it may come later.)
    """
    async with AsyncExitStack() as stack:
        states = MemoryBudgetGate()
        budgets = _budgets(settings, metrics, stack, states)
        limits = _limits(settings, metrics, stack, meter or NoMeter())
        reservations = Reservations(
            rules=rules,
            gate=states,
            store=_hold_store(settings, stack),
            meter=meter or NoMeter(),
            worst_cases=worst_cases or NoPrices(),
            partitions=partitions,
        )
        metrics.watch_total(
            "tallygate_edge_budget_unreserved_total",
            "Calls refused for want of room in a budget.",
            lambda: reservations.refused,
        )
        cache = WithinBudget(budgets, _cache(settings, metrics, stack), reservations)
        yield Controls(Checks((budgets, limits)), cache)


def _hold_store(settings: Settings, stack: AsyncExitStack) -> HoldStore:
    """Where the limits are counted, reservations are kept too."""
    if settings.limits.store == "redis":
        client = _redis(settings, stack)
        from tallygate.edge.budget.redis_holds import RedisHoldStore

        return RedisHoldStore(client)
    try:
        store = LmdbHoldStore(settings.data_dir / "holds")
    except HoldStoreError as error:
        raise ConfigError(f"limits.store: {error}") from error
    stack.push_async_callback(store.close)
    return store


def _budgets(
    settings: Settings, metrics: EdgeMetrics, stack: AsyncExitStack, states: MemoryBudgetGate
) -> BudgetCheck:
    watched = BudgetFile(settings.data_dir / "budgets.json", states)
    watched.look()
    stack.callback(spawn(watched.watch(), name="budgets").cancel)
    check = BudgetCheck(states)
    metrics.watch_total(
        "tallygate_edge_budget_refused_total", "Calls refused over a budget.", lambda: check.refused
    )
    return check


def _limits(settings: Settings, metrics: EdgeMetrics, stack: AsyncExitStack, meter: CallMeter) -> Gate:
    limiter = Limiter(_limit_store(settings, stack), unavailable=settings.limits.unavailable)
    metrics.watch_total(
        "tallygate_edge_limits_refused_total", "Calls refused over a rate limit.", lambda: limiter.refused
    )
    metrics.watch_total(
        "tallygate_edge_limits_unavailable_total", "Decisions without the store.", lambda: limiter.unavailable
    )
    return RateLimits(limiter, meter)


def _limit_store(settings: Settings, stack: AsyncExitStack) -> LimitStore:
    if settings.limits.store == "redis":
        client = _redis(settings, stack)
        from tallygate.edge.limits.redis_store import RedisLimitStore

        return RedisLimitStore(client)
    try:
        store = LmdbLimitStore(settings.data_dir / "limits", max_keys=settings.limits.max_windows)
    except LimitStoreError as error:
        raise ConfigError(f"limits.store: {error}") from error
    stack.push_async_callback(store.close)
    return store


def _cache(settings: Settings, metrics: EdgeMetrics, stack: AsyncExitStack) -> Cache:
    wanted = settings.cache
    if wanted.store == "off":
        return NoCache()
    bounds = Bounds(wanted.max_bytes, wanted.max_entries, wanted.max_entry_bytes)
    cache = ResponseCache(_cache_store(settings, bounds, stack))
    metrics.watch_total(
        "tallygate_edge_cache_unavailable_total",
        "Answers not stored, or not looked for.",
        lambda: cache.unavailable,
    )
    return CachedAnswers(
        cache,
        max_entry_bytes=bounds.max_entry_bytes,
        capture_bytes=settings.capture.response_bytes,
        count=metrics.cache_asked,
    )


def _cache_store(settings: Settings, bounds: Bounds, stack: AsyncExitStack) -> CacheStore:
    if settings.cache.store == "redis":
        client = _redis(settings, stack)
        from tallygate.edge.cache.redis_store import RedisCacheStore

        return RedisCacheStore(client, bounds)
    try:
        store = LmdbCacheStore(settings.data_dir / "cache", bounds)
    except CacheStoreError as error:
        raise ConfigError(f"cache.store: {error}") from error
    stack.push_async_callback(store.close)
    return store


def _redis(settings: Settings, stack: AsyncExitStack) -> "Redis":
    """A client. The package is imported only where it is used: the embedded run does not install it."""
    try:
        from tallygate.edge.redis_client import connect
    except ImportError as error:
        raise ConfigError("redis: install tallygate[distributed] to use it") from error
    client = connect(settings.redis.url.get_secret_value())
    stack.push_async_callback(client.aclose)
    return client
