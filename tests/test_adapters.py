"""What all adapters share: light imports, hosts that are absent or too old, the bench."""

import subprocess
import sys

import numpy as np
import pytest
import supervision as sv

from readtrack.adapters.bench import follow, open_clip, report, rewritten
from readtrack.adapters.host import hook, load_matcher
from readtrack.errors import InputError
from readtrack.readtracker import ReadTracker

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
        assert line.endswith(f'pip install --upgrade "readtrack[{extra}]"' if extra else "--upgrade ultralytics")


def test_a_host_without_the_hook_is_too_old():
    assert hook("json", "JSONDecoder.decode", "x") is not None
    for module, name in (("json", "nothing"), ("json.nothing", "x"), ("json", "JSONDecoder.nothing")):
        with pytest.raises(InputError, match=r"this version of json has no .*readtrack\[x\]"):
            hook(module, name, "x")


def test_wrong_weights_are_told():
    with pytest.raises(InputError, match="nowhere"):
        load_matcher("nowhere", None)


def test_a_clip_is_followed_scored_and_rewritten(capsys):
    clip, tracker = open_clip(frames=30), ReadTracker(None)
    tracks = follow(lambda found, image: tracker.update(found, image), clip)
    scores = report("boxes alone", clip, tracks)
    assert scores.IDF1 > 0.5 and sorted(tracks) == list(range(30))
    assert capsys.readouterr().out.startswith("street, boxes alone: IDF1 ")
    people = sv.Detections(np.zeros((3, 4)), tracker_id=np.array([1, 3, 4]))
    assert rewritten({0: people}, {4: 3, 3: 2})[0].tracker_id.tolist() == [1, 2, 2]
    assert people.tracker_id.tolist() == [1, 3, 4]


def test_a_missing_sequence_is_told(tmp_path):
    with pytest.raises(InputError):
        open_clip(tmp_path / "nowhere")
