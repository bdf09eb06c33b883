"""A quick start: what a short run loads, and what a light supervision still is."""

import subprocess
import sys

import cv2
import numpy as np

LOADED = "print(*{'torch', 'scipy', 'sklearn', 'matplotlib', 'supervision.annotators'} & set(sys.modules))"
LIGHT = (
    "import sys; from readtrack.commands.light import light_supervision as light; light(); import supervision as sv; "
)


def alone(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def test_a_short_run_with_read_loads_neither_scipy_nor_annotators(tmp_path):
    people = tmp_path / "det.txt"
    people.write_text("".join(f"{frame},-1,{100 + frame},40,40,90,0.9\n" for frame in range(1, 5)))
    for frame in range(4):
        cv2.imwrite(str(tmp_path / f"{frame}.png"), np.full((160, 240, 3), 80, np.uint8))
    words = [str(tmp_path), "--fps", "25", "--detections", str(people), "--out", str(tmp_path / "run")]
    words += ["--no-video", "--quiet"]
    assert alone(f"import sys; from readtrack.commands.track import main; assert main({words}) == 0; {LOADED}") == []


def test_light_supervision_is_all_of_it_once_more_is_asked_for():
    assert alone(LIGHT + LOADED) == []
    more = "first = sv.Detections; sv.BoxAnnotator(); from supervision import Position; assert sv.Detections is first; "
    assert "supervision.annotators" in alone(LIGHT + more + LOADED)


def test_what_is_loaded_stays_and_an_unknown_word_is_an_error():
    assert alone(f"import supervision as whole; {LIGHT} assert sv is whole; sv.BoxAnnotator") == []
    code = LIGHT + "print(hasattr(sv, 'nothing'), hasattr(sv, 'ColorPalette'))"
    assert alone(code) == ["False", "True"]
