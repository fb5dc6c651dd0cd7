"""`flask --app app openapi`: the document that a running server has at /openapi.json, without a server."""

from __future__ import annotations

import click

from app import ROOMS
from blueprints.edge.document import document_of


@click.command()
def openapi() -> None:
    """Print the API's document, OpenAPI 3.1."""
    click.echo(document_of(ROOMS))
