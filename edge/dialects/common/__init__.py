"""The form that all dialects are translated to and from, and what they share."""
