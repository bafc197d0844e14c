"""The process of `tallygate budgets`, with the rules that it follows."""

from tallygate.control.open import open_rules
from tallygate.runtime.config import Settings
from tallygate.stream_processors.budget_keeper import process


def run(settings: Settings) -> None:
    """Evaluate budgets and alert rules until SIGTERM or SIGINT.

    Raises:
        TopicMismatchError: Kafka's topics don't fit.
    """
    rules = open_rules(settings)
    rules.start()
    try:
        process.run(settings, rules.current)
    finally:
        rules.stop()
