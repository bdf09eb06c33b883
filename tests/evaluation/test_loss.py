"""Where identity is lost, on a hand-made sequence without pixels."""

import json

import pytest

from readtrack.commands.evaluate import loss as command
from readtrack.evaluation.loss import evaluate_loss
from readtrack.evaluation.settings import RecordingSettings


@pytest.fixture
def sequence(tmp_path):
    """Two who walk past each other, one of them unseen for half a second, and a lamp post that looks like somebody."""
    folder = tmp_path / "passing"
    for name in ("gt", "det"):
        (folder / name).mkdir(parents=True)
    truth, found = [], []
    for frame in range(1, 101):
        for person, (x, y) in ((1, (50 + 4 * frame, 100)), (2, (600 - 4 * frame, 180))):
            truth.append(f"{frame},{person},{x},{y},40,100,1,-1,-1,-1")
            if not (person == 1 and 20 <= frame < 32):
                found.append(f"{frame},-1,{x},{y},40,100,0.9,-1,-1,-1")
        if frame % 5 == 0:
            found.append(f"{frame},-1,900,50,20,40,0.55,-1,-1,-1")
    (folder / "gt" / "gt.txt").write_text("\n".join(truth))
    (folder / "det" / "det.txt").write_text("\n".join(found))
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=passing\nimDir=img1\nframeRate=25\nseqLength=100\nimWidth=960\nimHeight=540\nimExt=.jpg\n"
    )
    return folder


def test_each_step_brings_something_and_the_truth_in_its_place_the_rest(sequence):
    row = evaluate_loss(RecordingSettings((str(sequence),), weights="none")).rows[0]
    steps = {step.name: step for step in row.steps}
    assert row.purity == 1 and row.length > 0.5
    assert steps["tracklets"].IDF1 < steps["+ links"].IDF1 < steps["+ gaps filled"].IDF1
    assert steps["both"].IDF1 == pytest.approx(1, abs=0.01) and steps["both"].IDSW == 0
    assert steps["true links"].IDF1 <= steps["both"].IDF1


def test_the_command_prints_a_ladder_and_writes_it(sequence, tmp_path, capsys):
    file = tmp_path / "loss.json"
    assert command.main(["--source", str(sequence), "--weights", "none", "--report", str(file)]) == 0
    told = capsys.readouterr().out
    assert "+ false people dropped" in told and "purity 100.0 %" in told
    assert json.loads(file.read_text())["rows"][0]["source"] == "passing"
