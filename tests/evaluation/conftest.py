"""Recordings that several experiments go through."""

import pytest


@pytest.fixture
def passing(tmp_path):
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
