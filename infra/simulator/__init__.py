"""A stand-in for the providers: OpenAI, Anthropic and Gemini as their SDKs see them, without their bill.

It answers any path that ends like theirs (`/v1/chat/completions`, `/groq/openai/v1/chat/completions`,
`/v1/messages`, `/v1beta/models/{model}:generateContent`, …), checks that some key is present, counts tokens
from the text, streams as they stream, and sends their rate-limit headers. Texts, counts and ids follow from
the request, so that a caller can compute what must come out. `GET /simulator/stats` tells what it was asked.

A request may ask for trouble with the header `x-simulate: name=value; name; …`:

========================  ===========================================================================
`status=N`                answer with this HTTP status and the provider's error body
`retry_after_ms=N`        with status 429 or 503: in `retry-after` and `retry-after-ms` (default 1000)
`fail_times=N; key=K`     only the first N calls with this `key` get `status` (default 503)
`delay_ms=N`              wait before the first byte
`chunk_delay_ms=N`        wait before each further event of a stream
`chunks=N`                cut the text into N events (default: one a token)
`cut_after=N`             close the connection after N events; of a plain answer, after half of it
`bad_sse`                 put lines that are no events, and events that are no JSON, into the stream
`invalid_utf8`            put bytes that are no UTF-8 into the text
`no_usage`                leave the usage out
`input_tokens=N`          report this much input, cached and cache writes included
`output_tokens=N`         write a text of this many tokens
`reasoning_tokens=N`      report this much reasoning, on top of the text
`cached_tokens=N`         of the input, read from a cache
`cache_write_tokens=N`    of the input, written to a cache (Anthropic)
========================  ===========================================================================
"""

from tallygate.infra.simulator.controls import Controls
from tallygate.infra.simulator.server import RunningSimulator, running_simulator
from tallygate.infra.simulator.simulator import Knobs, Simulator

__all__ = ["Controls", "Knobs", "RunningSimulator", "Simulator", "running_simulator"]
