"""What users of other gateways rely on, shown with real processes and the packages that they use."""
