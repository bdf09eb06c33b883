"""Many recordings: tracked by processes or a cluster, whatever goes wrong, and their people linked over all of them."""

from readtrack.fleet.jobs import Job, Outcome, read_list
from readtrack.fleet.journal import Journal, Row
from readtrack.fleet.people import FleetLinking, link_gallery, write_people
from readtrack.fleet.running import Orders, run_fleet
from readtrack.fleet.workers import local, on_ray

__all__ = [
    "FleetLinking",
    "Job",
    "Journal",
    "Orders",
    "Outcome",
    "Row",
    "link_gallery",
    "local",
    "on_ray",
    "read_list",
    "run_fleet",
    "write_people",
]
