"""The caller's request: reading its body, finding the model in it, changing as little as possible."""
