"""What a month will have cost: from the days so far. Pure arithmetic in `method`, SQL around it."""
