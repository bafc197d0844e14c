"""What a period would have cost otherwise: on other models, at other providers, with a cache.

`scenario` is the arithmetic, on token counts that `read` asks of ClickHouse.
"""
