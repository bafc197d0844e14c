"""Who asks what: a small company's calls, made up from a seed. Pure."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHAT = "/v1/chat/completions"
KEY = "sk-simulator-demo"
"""No provider's key: a gateway that is not pointed at a simulator gets 401 and no bill."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to be made."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the company."""

    name: str
    team: str
    feature: str


PEOPLE = (
    Person("ada", "research", "literature-search"),
    Person("grace", "platform", "code-review"),
    Person("linus", "platform", "code-review"),
    Person("margaret", "support", "ticket-answers"),
    Person("katherine", "support", "ticket-answers"),
    Person("alan", "research", "translation"),
)
# Weights: the small models carry most of the traffic, as they do.
MODELS = (
    ("gpt-4o-mini", 30),
    ("gpt-5-mini", 15),
    ("gpt-5", 5),
    ("claude-haiku-4-5", 15),
    ("claude-sonnet-5", 8),
    ("gemini-2.5-flash", 15),
    ("gemini-2.5-pro", 4),
)
QUESTIONS = (
    "Summarise this ticket in two sentences: the export fails for accounts with more than a thousand rows.",
    "Review this function for mistakes: def total(rows): return sum(row.cost for row in rows if row.priced)",
    "Translate into French: Every call is counted exactly once, whatever was restarted in between.",
    "Which papers of the last year compare gateways for language models by added latency?",
    "Write a polite answer: the customer asks for the third time when the invoice will arrive.",
    "Explain to a new colleague why money is kept as whole numbers.",
    "Classify this message as bug, question or praise: it works now, thank you!",
)
STEPS = ("plan", "search", "read", "write")
REASONING = ("gpt-5", "gemini-2.5-pro")
CACHED = (1024, 1536, 1920)
TROUBLE = (
    ("", 92),
    ("status=500", 2),
    ("status=429; retry_after_ms=2000", 3),
    ("status=400", 1),
    ("cut_after=6", 1),
    ("no_usage", 1),
)


class Scenario:
    """An endless series of calls; the same seed makes the same series."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn

    def asks(self) -> Iterator[Ask]:
        """The calls, one after the other."""
        while True:
            kind = self._chance.random()
            if kind < 0.08:
                yield from self._research_session()
            elif kind < 0.16:
                yield self._embedding()
            elif kind < 0.17:
                yield self._unknown_model()
            else:
                yield self._chat(self._chance.choice(PEOPLE), self._model())

    def _model(self) -> str:
        return self._chance.choices([name for name, _ in MODELS], [weight for _, weight in MODELS])[0]

    def _chat(self, person: Person, model: str, extra: dict[str, str] | None = None) -> Ask:
        question = self._chance.choice(QUESTIONS)
        headers = self._headers(person) | {"x-simulate": self._conduct(model)} | (extra or {})
        messages = [{"role": "user", "content": question}]
        streamed = {"stream": True} if self._chance.random() < 0.5 else {}
        if model.startswith("claude") and self._chance.random() < 0.6:
            body = {"model": model, "max_tokens": 400, "messages": messages} | streamed
            return Ask("/v1/messages", headers | {"anthropic-version": "2023-06-01"}, body)
        system = {"role": "system", "content": f"You help the {person.team} team. Be brief."}
        return Ask(CHAT, headers, {"model": model, "messages": [system, *messages]} | streamed)

    def _research_session(self) -> Iterator[Ask]:
        """An agent's run: steps of one session."""
        person = self._chance.choice(PEOPLE)
        session = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        for step in STEPS:
            extra = {
                "Tallygate-Session-Id": session,
                "Tallygate-Session-Name": "research agent",
                "Tallygate-Session-Path": f"/{step}",
                "Tallygate-Property-Workflow": "research",
                "Tallygate-Property-Step": step,
            }
            yield self._chat(person, self._model(), extra)

    def _embedding(self) -> Ask:
        texts = self._chance.sample(QUESTIONS, self._chance.randint(1, 4))
        body = {"model": "text-embedding-3-small", "input": texts}
        return Ask("/v1/embeddings", self._headers(self._chance.choice(PEOPLE)), body)

    def _unknown_model(self) -> Ask:
        body = {"model": "gtp-4o-mini", "messages": [{"role": "user", "content": "A typing mistake."}]}
        return Ask(CHAT, self._headers(self._chance.choice(PEOPLE)), body)

    def _headers(self, person: Person) -> dict[str, str]:
        stage = "production" if self._chance.random() < 0.85 else "staging"
        return {
            "authorization": f"Bearer {KEY}",
            "Tallygate-User-Id": person.name,
            "Tallygate-Property-Team": person.team,
            "Tallygate-Property-Feature": person.feature,
            "Tallygate-Property-Environment": stage,
        }

    def _conduct(self, model: str) -> str:
        """How the simulator shall behave: real-looking delays, lengths and troubles."""
        chance = self._chance
        parts = [
            chance.choices([text for text, _ in TROUBLE], [weight for _, weight in TROUBLE])[0],
            f"delay_ms={int(chance.lognormvariate(5.0, 0.5))}",
            f"chunk_delay_ms={chance.randint(4, 14)}",
            f"output_tokens={int(chance.lognormvariate(4.0, 0.6)) + 1}",
        ]
        if chance.random() < 0.3:
            parts += [f"input_tokens={chance.randint(2000, 6000)}", f"cached_tokens={chance.choice(CACHED)}"]
        if model in REASONING:
            parts.append(f"reasoning_tokens={chance.randint(64, 900)}")
        return "; ".join(filter(None, parts))
