"""Every demo runs, is short and uses public names only."""

import importlib.util
import re
import runpy
import warnings
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("*.py"))
SAYS = {
    "attention.py": r"person 3: same with probability 0\.[89](.|\n)*person 5: same with probability 0\.[0-3]",
    "decisions.py": r"identity saved: probability 0\.(.|\n)*unseen for (.|\n)*identity saved: [1-9]",
    "embed.py": r"identities \[1",
    "endless.py": r"identities \[1",
    "with_boxmot.py": r"alone: IDF1 (.|\n)*with READ: IDF1 (.|\n)*rewritten: IDF1 ",
    "with_deep_sort_realtime.py": r"vectors: IDF1 (.|\n)*on pairs: IDF1 ",
    "with_norfair.py": r"alone: IDF1 (.|\n)*with READ: IDF1 ",
    "with_trackers.py": r"alone: IDF1 (.|\n)*in its place: IDF1 (.|\n)*behind it: IDF1 ",
    "with_ultralytics.py": r"bytetrack: IDF1 (.|\n)*readtrack: IDF1 ",
}


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.name)
def test_demo(path, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert len(path.read_text().splitlines()) <= 60
    if not path.stem.startswith("with_"):
        runpy.run_path(str(path))["main"]()
    else:
        host = path.stem.removeprefix("with_")
        if importlib.util.find_spec(host) is None:
            pytest.skip(f"{host} is not installed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the host's own
            runpy.run_path(str(path))["main"](frames=40)
    assert re.search(SAYS[path.name], capsys.readouterr().out)
