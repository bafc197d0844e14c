"""Where providers that speak OpenAI's chat dialect differ, by provider name."""

NEW_MAX_TOKENS = frozenset({"openai", "azure", "groq", "cerebras", "xai"})
"""Take `max_completion_tokens`; OpenAI's reasoning models refuse `max_tokens`."""
TOP_K = frozenset({"together", "fireworks", "openrouter", "vllm", "ollama", "llamacpp"})
VERBOSITY = frozenset({"openai", "azure", "openrouter"})
BREAKPOINTS = frozenset({"openai", "azure"})
MAX_STOPS = {"openai": 4, "azure": 4}
MAX_USER = 64
"""Length of `user`, in characters; a longer one is sent as its hash."""


def takes_breakpoints(provider: str, model: str) -> bool:
    """Whether prompt-cache marks may be sent: OpenAI's models from gpt-5.6 on; elsewhere caching is implicit,
    or an unknown field is an error."""
    if provider not in BREAKPOINTS or not model.startswith("gpt-"):
        return False
    major, _, minor = model.removeprefix("gpt-").split("-", 1)[0].partition(".")
    return major.isdigit() and (int(major), int(minor) if minor.isdigit() else 0) >= (5, 6)
