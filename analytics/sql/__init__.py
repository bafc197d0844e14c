"""The SQL of users: what of it is let through, and how it is kept to one project."""
