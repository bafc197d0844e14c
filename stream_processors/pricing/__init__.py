"""What a call cost: from the provider's usage and a dated price to integer nano-dollars. Pure."""

from tallygate.stream_processors.pricing.catalogue import PriceList
from tallygate.stream_processors.pricing.guarded import priced
from tallygate.stream_processors.pricing.pricer import Pricer

__all__ = ["PriceList", "Pricer", "priced"]
