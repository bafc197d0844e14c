"""Do the event log, the running totals and the store of calls agree? Each counts for itself."""
