"""What pip installs is whole: weights come with it, and are found from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_an_installed_readtrack_finds_its_weights_from_another_folder(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("readtrack-*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    ask = (
        "import readtrack; from readtrack import Matcher; print(Matcher.load('read-s').clip_length, readtrack.__file__)"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site)}
    told = subprocess.run(
        [sys.executable, "-c", ask], cwd=elsewhere, env=environment, check=True, capture_output=True, text=True
    ).stdout
    length, where = told.split(maxsplit=1)
    assert int(length) > 0
    assert Path(where.strip()).is_relative_to(site)
