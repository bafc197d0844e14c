"""`python -m tallygate.infra.cli`: the same as `tallygate`."""

from tallygate.infra.cli import main

main(prog_name="tallygate")
