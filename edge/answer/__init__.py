"""The answer on its way from the provider to the caller."""
