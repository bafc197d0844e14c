"""What may be asked of rules, channels, call webhooks and prices, and how they become records. Pure."""
