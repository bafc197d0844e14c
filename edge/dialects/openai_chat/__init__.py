"""OpenAI chat completions, as a caller's and as a provider's dialect."""
