"""Every demo runs, is short and uses public names only."""

import runpy
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("*.py"))


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.name)
def test_demo(path, capsys):
    assert len(path.read_text().splitlines()) <= 60
    runpy.run_path(str(path))["main"]()
    assert "identities [1" in capsys.readouterr().out
