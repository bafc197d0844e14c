"""Google's generateContent, as a provider's dialect."""
