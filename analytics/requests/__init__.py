"""Listing calls: filters, pages, and the sums over them. Pure: from a query string to SQL."""
