"""Going through the event log again: to rebuild what was derived from it, or to price it by other prices."""
