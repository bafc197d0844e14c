"""The `tallygate` command: a file per command, everything heavy imported inside it."""

import click

from tallygate.infra.cli.admins import admins
from tallygate.infra.cli.api import api
from tallygate.infra.cli.audit import audit
from tallygate.infra.cli.budgets import budgets
from tallygate.infra.cli.channels import channels, hooks
from tallygate.infra.cli.check import check
from tallygate.infra.cli.deadletters import deadletters
from tallygate.infra.cli.deliveries import deliveries
from tallygate.infra.cli.demo import demo
from tallygate.infra.cli.edge import edge
from tallygate.infra.cli.internal import core, edge_worker, shipper
from tallygate.infra.cli.keys import keys
from tallygate.infra.cli.notify import notify
from tallygate.infra.cli.prices import prices
from tallygate.infra.cli.projects import aliases, projects
from tallygate.infra.cli.providers import providers
from tallygate.infra.cli.replay import replay
from tallygate.infra.cli.rules import rules
from tallygate.infra.cli.simulator import simulator
from tallygate.infra.cli.sink import sink
from tallygate.infra.cli.tokens import tokens
from tallygate.infra.cli.up import up
from tallygate.infra.cli.users import users
from tallygate.infra.cli.worker import worker
from tallygate.infra.process import die_with


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tallygate", message="%(prog)s %(version)s")
@click.option("--parent", type=int, hidden=True, help="Process id of the supervisor, to die with.")
def main(parent: int | None) -> None:
    """Tallygate: an AI gateway that accounts for every call.

    Settings come from TALLYGATE_… variables and from the YAML file that TALLYGATE_CONFIG names.
    """
    if parent is not None:
        die_with(parent)


COMMANDS = (up, demo, check, edge, worker, budgets, sink, notify, api, replay, audit, deadletters, simulator)
CONTROL = (
    keys,
    providers,
    projects,
    aliases,
    rules,
    channels,
    hooks,
    deliveries,
    prices,
    users,
    tokens,
    admins,
)
PROCESSES = (edge_worker, core, shipper)
for command in (*COMMANDS, *CONTROL, *PROCESSES):
    main.add_command(command)
