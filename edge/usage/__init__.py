"""Finding the provider's usage in an answer, in its own shape. Pure; never raises; bounded memory."""
