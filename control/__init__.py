"""Projects, keys, provider credentials and aliases: their store, the edges' snapshot of it, the admin API."""
