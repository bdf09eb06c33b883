"""Every demo runs, is short and uses public names only."""

import re
import runpy
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("*.py"))
SAYS = {
    "attention.py": r"person 3: same with probability 0\.[89](.|\n)*person 5: same with probability 0\.[0-3]",
    "embed.py": r"identities \[1",
    "endless.py": r"identities \[1",
}


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.name)
def test_demo(path, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert len(path.read_text().splitlines()) <= 60
    runpy.run_path(str(path))["main"]()
    assert re.search(SAYS[path.name], capsys.readouterr().out)
