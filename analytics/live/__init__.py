"""Running totals as the accounting holds them: live, without a query over calls."""
