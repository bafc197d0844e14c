"""Calls as a file: CSV, JSON lines or Parquet, made page by page while it is sent."""
