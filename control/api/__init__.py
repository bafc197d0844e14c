"""The admin API, mounted under `/api/v1/admin` by the process that serves the query API."""
