"""OSNet's weights out of OpenVINO's file: the vectors that OpenVINO makes of them, and strangers refused."""

import numpy as np
import pytest
import torch
from conftest import SHARED, TINY

from readtrack.errors import InputError
from readtrack.read.config import ReadConfig
from readtrack.read.crops import MEAN, STD
from readtrack.read.model import Read
from readtrack.read.openvino import fill_osnet
from readtrack.read.osnet import OsNet
from readtrack.training.initial import initialise

INTEL = SHARED / "reid" / "person-reidentification-retail-0277.xml"

needs_intel = pytest.mark.skipif(not INTEL.is_file(), reason="no person-reidentification-retail-0277")


@needs_intel
def test_pooled_maps_are_the_vectors_that_openvino_makes():
    openvino = pytest.importorskip("openvino")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 256, 128, 3)).astype(np.float32)  # RGB
    compiled = openvino.Core().compile_model(str(INTEL), "CPU")
    wanted = np.stack([compiled({0: image[None, ..., ::-1].transpose(0, 3, 1, 2)})[0][0] for image in pixels])
    model = Read(ReadConfig("osnet", height=256, width=128)).eval()
    assert initialise(model, str(INTEL)) == INTEL.stem
    crops = torch.from_numpy((pixels / 255 - np.float32(MEAN)) / np.float32(STD)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        found = model.pool(model.encode(crops)).numpy()
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=2e-3)


def test_maps_have_a_position_for_each_32_pixels():
    assert OsNet(2, 1)(torch.randn(3, 3, 64, 32)).shape == (3, 256, 2, 1)


def test_what_is_no_such_network_is_refused(tmp_path):
    path = tmp_path / "other.xml"
    with pytest.raises(InputError, match="other.xml: not person-reidentification-retail-0277"):
        fill_osnet(OsNet(8, 4), path)
    path.write_text("<net><layers><layer id='0' type='Parameter'/></layers><edges/></net>")
    path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(InputError, match="not person-reidentification-retail-0277"):
        fill_osnet(OsNet(8, 4), path)
    with pytest.raises(InputError, match="is of the backbone osnet, not mobilenet_v2"):
        initialise(Read(TINY), str(path))
