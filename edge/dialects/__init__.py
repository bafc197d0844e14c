"""Translation between the dialects of callers and of providers.

Every dialect is translated to and from one common form (`common/`): a caller's dialect gives a parser of
requests and renderers of answers, stream events and errors; a provider's dialect gives a renderer of
requests and parsers of the rest. `table.TRANSLATIONS` holds every pair that differs.

Nothing here does I/O, and nothing here counts tokens or money: the provider's own bytes are accounted
before they are translated.
"""
