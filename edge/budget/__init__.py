"""Budgets at the edge: may a call go through, given what has been spent. Only memory is asked."""
