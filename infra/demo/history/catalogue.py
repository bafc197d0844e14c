"""What a made-up company uses: models with their share, texts, workflows. Data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a provider."""

    provider: str
    name: str
    share: int
    latency_ms: int
    """Median of a call."""
    reasons: bool = False


MODELS = (
    Model("openai", "gpt-4o-mini", 22, 900),
    Model("openai", "gpt-5-mini", 18, 1600, reasons=True),
    Model("openai", "gpt-5", 7, 4200, reasons=True),
    Model("openai", "gpt-4.1", 6, 1500),
    Model("anthropic", "claude-haiku-4-5", 12, 1100),
    Model("anthropic", "claude-sonnet-4-5", 10, 2900),
    Model("anthropic", "claude-opus-4-5", 2, 5200),
    Model("google", "gemini-2.5-flash", 10, 800),
    Model("google", "gemini-2.5-pro", 4, 3600, reasons=True),
    Model("groq", "llama-3.3-70b-versatile", 3, 420),
    Model("mistral", "mistral-small-latest", 3, 700),
    Model("xai", "grok-4", 1, 3800, reasons=True),
    Model("ollama", "qwen3:32b", 1, 2400),
)
"""The last one runs in the company's own cellar: no list has its price."""
SMALL = tuple(
    model for model in MODELS if model.name in ("gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash")
)
LARGE = tuple(model for model in MODELS if model.name in ("gpt-5", "claude-sonnet-4-5", "gemini-2.5-pro"))
EMBEDDING = Model("openai", "text-embedding-3-small", 0, 120)

WORKFLOWS = (
    ("research", "research agent", ("plan", "search", "search/read", "search/read", "write", "check")),
    ("triage", "ticket triage", ("classify", "lookup", "draft", "review")),
    ("code-review", "code review", ("diff", "analyse", "analyse/tests", "comment", "summary")),
)
"""Value of the property `workflow`, name of the session, paths of the steps."""
LARGE_STEPS = frozenset({"plan", "write", "draft", "analyse", "comment"})
FEATURES = ("chat", "search", "summaries", "translation", "code-completion", "ticket-answers", "reports")
TEAMS = ("research", "platform", "support", "sales", "finance", "design")
PLANS = ("free", "pro", "enterprise")
KEYS = ("tgk_web", "tgk_mobile", "tgk_batch", "tgk_internal", "tgk_partner")

CASE, ANSWER = "@case@", "@answer@"
"""Where a row's own sentences go in the bodies of its template."""
SENTENCES = (
    "The export stops at a thousand rows, because the page size is used as the limit of the whole query.",
    "Reading page by page until an empty one comes back solves it, and keeps memory flat.",
    "The customer asks for the third time when the invoice of last month will arrive.",
    "After the update the mobile application shows a white screen on older devices.",
    "We compared three suppliers by price, delivery time and the quality of their packaging.",
    "The nightly import took four hours instead of one, and the index was rebuilt twice.",
    "Money is kept as whole numbers, so that sums do not depend on the order of adding.",
    "A retry without an idempotency key may charge a card twice.",
    "The report lists revenue by region, with the change against the same month of the year before.",
    "Every participant received the minutes and may send corrections until Friday.",
    "The function returns early when the list is empty, which hides the error of the caller.",
    "Please translate the following paragraph, and keep the names of products as they are.",
    "Latency rose from eighty to three hundred milliseconds once the cache was full.",
    "The contract ends in March; it renews itself unless one side cancels it in writing.",
    "Two of the tests fail only on machines with more than sixteen cores.",
    "In the second quarter the share of returning visitors grew by a tenth.",
    "The parser accepts trailing commas, though the standard does not allow them.",
    "A short summary comes first, then the evidence, and the open questions last.",
    "The sensor in the cold store reported minus forty degrees for nine minutes.",
    "Nobody had read the warning, because it was printed in the colour of the background.",
    "The meeting moved to Thursday at ten, in the small room on the second floor.",
    "It works in the test environment, where the clock is an hour behind.",
    "The draft uses the word platform forty times; most of them can go.",
    "Refunds above five hundred need the consent of two people.",
)
QUESTIONS = (
    "Summarise this ticket in two sentences, and name the product that it is about.",
    "Review this change for mistakes, and say for each how it would be noticed.",
    "Write a polite answer to this message; do not promise a date.",
    "Extract names, dates and amounts as JSON.",
    "Explain this to a new colleague, with one example.",
    "Classify this message as bug, question or praise.",
    "Compare these notes with the requirements, and list what is missing.",
    "Translate this into French, Spanish and German.",
)
FAQ = (
    "How do I reset my password?",
    "Where do I find my invoices?",
    "How many requests a minute does my plan allow?",
    "Which file formats can be imported?",
    "How do I invite a colleague to my workspace?",
    "What happens to my data when I cancel?",
    "Can I change the currency of my account?",
    "How do I export everything as CSV?",
    "Is there a discount for universities?",
    "Why was my card declined?",
    "How do I turn on two-factor authentication?",
    "Where are your servers?",
)
FIRST_NAMES = (
    "ada", "grace", "linus", "margaret", "katherine", "alan", "barbara", "edsger", "radia", "donald",
    "frances", "john", "hedy", "claude", "mary", "dennis", "evelyn", "ken", "jean", "tim", "adele",
    "niklaus", "sophie", "tony",
)  # fmt: skip
LAST_NAMES = (
    "abbott", "baker", "chandra", "dietrich", "eriksen", "fontaine", "garcia", "haddad", "ito", "jensen",
    "kowalski", "lindqvist", "moreau", "nakamura", "okafor", "patel", "quinn", "rossi", "schmidt", "tanaka",
    "ueda", "varga", "weber", "yilmaz",
)  # fmt: skip
