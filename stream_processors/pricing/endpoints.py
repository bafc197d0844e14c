"""Which API operations use a model, and so cost money."""

_TEXT = frozenset(
    {"chat/completions", "completions", "fim/completions", "embeddings", "responses", "messages"}
)
_TEXT_ACTIONS = (":generateContent", ":streamGenerateContent", ":embedContent", ":batchEmbedContents")
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
_COUNTING = frozenset({"messages/count_tokens", "responses/input_tokens"})


def may_cost(method: str, endpoint: str) -> bool:
    """Whether an operation can use a model.

    Reading back a stored answer (`GET responses/{id}`) repeats its usage, which was paid when it was made.
    """
    if endpoint == "realtime" or endpoint.startswith("realtime?"):  # a WebSocket begins as a GET
        return True
    if method != "POST" or endpoint in _COUNTING or endpoint.startswith("messages/batches"):
        return False
    if endpoint.startswith("responses/") and endpoint.endswith("/cancel"):
        return False
    first, _, rest = endpoint.partition("/")
    if first == "models":
        return ":" in rest and not rest.endswith(":countTokens")
    if first == "threads":
        return rest == "runs" or "/runs" in rest
    return first not in _ADMINISTRATIVE


def is_text(endpoint: str) -> bool:
    """Whether an operation's tokens can be estimated from its texts."""
    return endpoint in _TEXT or endpoint.endswith(_TEXT_ACTIONS)
