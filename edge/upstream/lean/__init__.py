"""A lean HTTP/1.1 client on asyncio's protocols and llhttp, for the path that every call takes.

What it leaves out: proxies, redirects, cookies, content codings, HTTP/2 and upgrades.
"""
