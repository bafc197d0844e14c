"""Which API operations use a model, and so cost money."""

_TEXT = frozenset(
    {"chat/completions", "completions", "fim/completions", "embeddings", "responses", "messages"}
)
_TEXT_ACTIONS = frozenset({"generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents"})
"""Google's, with or without `models/…:` before them."""
_ADMINISTRATIVE = frozenset(
    {
        "assistants",
        "batches",
        "cachedContents",
        "chatkit",
        "containers",
        "conversations",
        "evals",
        "files",
        "fine_tuning",
        "models",
        "moderations",
        "organization",
        "organizations",
        "skills",
        "threads",
        "uploads",
        "vector_stores",
    }
)
"""First parts of paths that manage things, or are free of charge (moderations)."""
_COUNTING = frozenset({"messages/count_tokens", "responses/input_tokens", "countTokens"})


def may_cost(method: str, endpoint: str) -> bool:
    """Whether an operation can use a model.

    What gives a stored answer again (`GET responses/{id}`, `POST chat/completions/{id}`) repeats its usage,
    which was paid when it was made.
    """
    if endpoint == "realtime":  # a WebSocket begins as a GET
        return True
    if method != "POST" or endpoint in _COUNTING:
        return False
    first, _, rest = endpoint.partition("/")
    if first == "models":
        return ":" in rest and not rest.endswith(":countTokens")
    if first == "threads":
        return rest == "runs" or "/runs" in rest
    return first not in _ADMINISTRATIVE and not _repeats(endpoint)


def _repeats(endpoint: str) -> bool:
    if endpoint.startswith(("chat/completions/", "messages/batches")):
        return True
    return endpoint.startswith("responses/") and endpoint.endswith("/cancel")


def is_text(endpoint: str) -> bool:
    """Whether an operation's tokens can be estimated from its texts."""
    return endpoint in _TEXT or endpoint.rpartition(":")[2] in _TEXT_ACTIONS
