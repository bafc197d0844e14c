"""The query API as a table of operations, from which come its routes and its OpenAPI document."""
