"""HTTP below the gateway's own rules: headers, server-sent events, content codings. Pure."""
