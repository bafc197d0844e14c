"""`tallygate check`: is the configuration right, and is everything there that it names?

Each probe returns findings and never raises; none costs money and none changes anything but a probe file in
the data directory.
"""
