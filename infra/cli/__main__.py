"""`python -m tallygate.infra.cli`: the same as `tallygate`."""

import gc

# Imports make a hundred thousand objects that live as long as the process. Collecting among them, as the
# default does every 700, is a third of the time that a process takes to start.
gc.set_threshold(100_000, 20, 20)

from tallygate.infra.cli import main  # noqa: E402 - the line above is for this one

main(prog_name="tallygate")
