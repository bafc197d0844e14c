"""The Faust worker with what it needs from elsewhere: the rules, and ClickHouse for what was before them."""

from tallygate.analytics.requests.where import where
from tallygate.control.open import open_rules
from tallygate.runtime.clickhouse import ServerTarget
from tallygate.runtime.config import Settings
from tallygate.stream_processors.faust_worker import process
from tallygate.stream_processors.sink.sums import ClickHouseSums


def run(settings: Settings) -> None:
    """Price and total calls, and count by the rules, until SIGTERM or SIGINT.

    Raises:
        ConfigError: the control store's address can't be used.
        FatalError: an agent failed; a restart goes on at the committed offsets.
        TopicMismatchError: Kafka's topics don't fit.
    """
    rules = open_rules(settings)
    past = ClickHouseSums(ServerTarget(settings.clickhouse), where)
    rules.start()
    try:
        process.run(settings, rules.current, past)
    finally:
        rules.stop()
        past.close()
