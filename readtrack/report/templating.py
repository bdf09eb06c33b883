"""What all pages share: Jinja2 that escapes everything and knows no undefined names, and the files beside it."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from readtrack.report.people import clock, sureness


def environment() -> Environment:
    """Where pages' templates are found."""
    made = Environment(
        loader=PackageLoader("readtrack.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clock": clock, "sureness": sureness}
    return made


def source(made: Environment, name: str) -> str:
    """A file beside the templates, as it is."""
    loader: Any = made.loader
    return str(loader.get_source(made, name)[0])
