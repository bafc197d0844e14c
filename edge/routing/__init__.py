"""Where a call goes: the registry of providers, paths to operations, models to providers. Pure."""
