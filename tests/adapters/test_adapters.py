"""What all adapters share: light imports, hosts that are absent or too old, the bench."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import supervision as sv

from readtrack.adapters.deep_sort_realtime import VectorEmbedder
from readtrack.adapters.host import NEEDED, hook
from readtrack.errors import InputError
from readtrack.evaluation.adapters import follow, report, rewritten
from readtrack.evaluation.recordings import STREET, open_recording
from readtrack.readtracker import ReadTracker
from readtrack.relinking import Relinker
from readtrack.tracking import TrackerConfig

LIGHT = ("host", "ultralytics", "boxmot", "deep_sort_realtime", "norfair")
HOSTS = ("torch", "ultralytics", "boxmot", "deep_sort_realtime", "norfair", "trackers")


def test_importing_an_adapter_imports_no_host():
    code = "import sys;" + ";".join(f"import readtrack.adapters.{name}" for name in LIGHT)
    code += f";print(*({set(HOSTS)} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


ABSENT = """
import sys
for host in ("boxmot", "deep_sort_realtime", "norfair", "ultralytics", "trackers"):
    sys.modules[host] = None
from readtrack.errors import InputError
from readtrack.adapters import boxmot, deep_sort_realtime, norfair, ultralytics
def roboflow():
    import readtrack.adapters.roboflow
for use in (boxmot.Encoder, deep_sort_realtime.deep_sort, norfair.Reid, ultralytics.config, roboflow):
    try:
        use()
    except InputError as error:
        print(error)
assert "torch" not in sys.modules
"""


def test_an_absent_host_is_told_in_one_line():
    out = subprocess.run([sys.executable, "-c", ABSENT], capture_output=True, text=True, check=True).stdout.splitlines()
    extras = ["boxmot", "deep-sort-realtime", "norfair", "", "trackers"]
    assert len(out) == len(extras)
    for line, extra in zip(out, extras, strict=True):
        assert line.endswith(f'pip install --upgrade "readtrack[{extra}]"' if extra else '--upgrade "ultralytics"')


def test_a_host_without_the_hook_is_too_old():
    assert hook("json", "JSONDecoder.decode", "x") is not None
    for module, name in (("json", "nothing"), ("json.nothing", "x"), ("json", "JSONDecoder.nothing")):
        with pytest.raises(InputError, match=r"json as installed has no .*readtrack\[x\]"):
            hook(module, name, "x")


@pytest.mark.parametrize("host", NEEDED)
def test_an_old_host_is_told_which_version_is_needed(host, monkeypatch):
    monkeypatch.setitem(sys.modules, host, ModuleType(host))
    for version, says in (("0.9.9", f"{host} 0.9.9 is too old; READ needs"), ("99.1rc2", f"{host} 99.1rc2 has no")):
        monkeypatch.setattr("importlib.metadata.version", lambda _, version=version: version)
        with pytest.raises(InputError, match=says) as told:
            hook(host, "nothing", "x")
        assert f"{NEEDED[host]} or later: pip install" in str(told.value) and "\n" not in str(told.value)


def test_the_extras_bring_what_is_needed():
    extras = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for host, version in NEEDED.items():
        assert f"{host.replace('_', '-')}>={version}" in extras


@pytest.mark.parametrize("make", [Relinker, VectorEmbedder])
def test_no_weights_are_told(make):
    with pytest.raises(InputError, match="weights None"):
        make(None)


def test_wrong_weights_are_told():
    with pytest.raises(InputError, match="nowhere"):
        VectorEmbedder("nowhere")


def test_a_clip_is_followed_scored_and_rewritten():
    tracker = ReadTracker(None, TrackerConfig(delay=0))
    with open_recording(STREET, frames=30) as clip:
        tracks = follow(lambda found, image: tracker.update(found, image), clip)
        told = report("motion only", clip, tracks)
    assert told.startswith("street, motion only: IDF1 ") and sorted(tracks) == list(range(30))
    assert float(told.split("IDF1 ")[1].split(",")[0]) > 50
    people = sv.Detections(np.zeros((3, 4)), tracker_id=np.array([1, 3, 4]))
    assert rewritten({0: people}, {4: 3, 3: 2})[0].tracker_id.tolist() == [1, 2, 2]
    assert people.tracker_id.tolist() == [1, 3, 4]
