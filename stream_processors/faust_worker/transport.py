"""Faust's consumer with a stricter idea of what was acknowledged.

Faust's pure-Python stream acknowledges a message that it skips because of a rebalance (the compiled one does
not), and one of an earlier generation may be acknowledged late. Either could have an offset committed before
the messages in front of it are dealt with.
"""

from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as driver


class StrictConsumer(driver.Consumer):
    """Takes acknowledgements only of messages that an agent got in the current generation."""

    def ack(self, message: Any) -> bool:
        """Note that a message is dealt with, if it is one of those."""
        if not message.tracked or message.generation_id != self.app.consumer_generation_id:
            return False
        return bool(super().ack(message))


class StrictTransport(driver.Transport):
    """The aiokafka driver with that consumer."""

    Consumer: ClassVar[type[StrictConsumer]] = StrictConsumer
