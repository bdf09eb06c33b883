"""Streets with several cameras: the same people, never in two at once, in other places, light and scale."""

import numpy as np
import pytest

from readtrack.errors import InputError
from readtrack.evaluation.recordings import is_street, street_of
from readtrack.street import Street, StreetConfig

SMALL = {"seed": 3, "width": 320, "height": 180, "frames": 450, "people": 5, "hidden": 0, "returning": 0}
SMALL |= {"lookalikes": 1}


@pytest.fixture(scope="module")
def streets() -> list[Street]:
    return [Street(StreetConfig(**SMALL, camera=camera)) for camera in (1, 2, 3)]


def test_nobody_is_in_two_cameras_at_once_and_most_pass_several(streets):
    seen: dict[int, set[int]] = {}
    for index in range(0, 450, 5):
        here = [set(street.truth(index).tracker_id.tolist()) for street in streets]
        assert not here[0] & here[1] and not here[0] & here[2] and not here[1] & here[2]
        for camera, people in enumerate(here):
            for person in people:
                seen.setdefault(person, set()).add(camera)
    assert set(seen) <= set(range(1, 6)) and sum(len(cameras) > 1 for cameras in seen.values()) >= 2


def test_cameras_show_other_places_at_other_scales_in_other_light(streets):
    assert len({street.size for street in streets}) == 3
    images = [street.image(0) for street in streets]
    assert [image.shape[1::-1] for image in images] == [street.size for street in streets]
    means = [image.mean(axis=(0, 1)) for image in images]
    assert min(np.abs(means[0] - means[1]).max(), np.abs(means[0] - means[2]).max()) > 5
    again = Street(StreetConfig(**SMALL, camera=2))
    assert again.image(0).tobytes() == images[1].tobytes()
    np.testing.assert_array_equal(again.detections(100).xyxy, streets[1].detections(100).xyxy)


def test_a_source_names_a_camera():
    assert is_street("street:7@2") and is_street("street@1") and not is_street("street@")
    found = street_of("street:7@2")
    assert (found.seed, found.camera, found.cameras) == (7, 2, 3) and found.frames > 1000
    assert street_of("street:7") == StreetConfig(seed=7)
    with pytest.raises(InputError, match="cameras 1 to 3"):
        street_of("street:7@4")
    with pytest.raises(InputError, match="camera is 3 of 2"):
        StreetConfig(camera=3, cameras=2)
    assert len(Street(StreetConfig(**SMALL, camera=1, cameras=1))) == 450
