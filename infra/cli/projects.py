"""`tallygate projects` and `tallygate aliases`."""

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    spec,
)


@click.group()
def projects() -> None:
    """Keep apart what belongs to different teams or applications."""


@projects.command()
@click.argument("project_id")
@click.option("--name", help="[default: the id]")
@json_option
def create(project_id: str, name: str | None, as_json: bool) -> None:
    """Make a project. Its id stays: it is in every record of its calls."""
    from tallygate.control.specs import NewProject
    from tallygate.control.store import projects as stored

    new = spec(NewProject, {"id": project_id, "name": name})
    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.create(change, new)
        print_records([made], PROJECT_COLUMNS, as_json=as_json, nothing="")


@projects.command("list")
@json_option
def list_projects(as_json: bool) -> None:
    """List projects."""
    from tallygate.control.store import projects as stored

    with opened_store() as store, store.read() as session:
        print_records(
            stored.listed(session, limit=LIMIT), PROJECT_COLUMNS, as_json=as_json, nothing="no projects"
        )


@projects.command()
@click.argument("project_id")
def archive(project_id: str) -> None:
    """Refuse a project's keys from now on; its calls stay on record."""
    _archive(project_id, archived=True)


@projects.command()
@click.argument("project_id")
def restore(project_id: str) -> None:
    """Take an archived project's keys again."""
    _archive(project_id, archived=False)


def _archive(project_id: str, *, archived: bool) -> None:
    from tallygate.control.specs import ProjectPatch
    from tallygate.control.store import projects as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.patch(change, project_id, ProjectPatch(archived=archived))
        click.echo(f"{'archived' if archived else 'restored'}: {project_id}", err=True)


@click.group()
def aliases() -> None:
    """Give names to lists of models."""


@aliases.command("set")
@click.argument("name")
@click.argument("models")
@click.option("--project", help="For one project only. [default: for all]")
def set_alias(name: str, models: str, project: str | None) -> None:
    """Let NAME stand for MODELS, a comma list to be tried in that order."""
    from tallygate.control.specs import NewAlias
    from tallygate.control.store import aliases as stored

    listed = tuple(part for model in models.split(",") if (part := model.strip()))
    new = spec(NewAlias, {"name": name, "models": listed, "project": project})
    with opened_store() as store:
        with store.write(actor()) as change:
            stored.put(change, new)
        click.echo(f"{name} = {', '.join(listed)}", err=True)


@aliases.command("list")
@click.option("--project", help="What one project can use.")
@json_option
def list_aliases(project: str | None, as_json: bool) -> None:
    """List aliases."""
    from tallygate.control.store import aliases as stored

    with opened_store() as store, store.read() as session:
        print_records(
            stored.listed(session, project=project, limit=LIMIT),
            ALIAS_COLUMNS,
            as_json=as_json,
            nothing="no aliases",
        )


@aliases.command()
@click.argument("name")
@click.option("--project", help="Of one project. [default: the one for all]")
def remove(name: str, project: str | None) -> None:
    """Delete an alias."""
    from tallygate.control.store import aliases as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.remove(change, project, name)
        click.echo(f"removed: {name}", err=True)


PROJECT_COLUMNS: Columns = (
    ("ID", lambda project: project.id),
    ("NAME", lambda project: project.name),
    ("CREATED", lambda project: project.created_at),
    ("ARCHIVED", lambda project: project.archived_at),
)
ALIAS_COLUMNS: Columns = (
    ("NAME", lambda alias: alias.name),
    ("PROJECT", lambda alias: alias.project or "(all)"),
    ("MODELS", lambda alias: alias.models),
)
