import onnxruntime
import pytest

from readtrack import devices
from readtrack.errors import InputError


@pytest.mark.parametrize("name", ["cuda:99", "99", "meta", "tpu", ""])
def test_a_device_that_is_not_there_is_refused(name):
    for ask in (devices.torch_device, lambda name: devices.onnx_session(__file__, name)):
        with pytest.raises(InputError, match=f"device '{name}'") as told:
            ask(name)
        assert told.value.parameter == "device"


def test_the_cpu_is_always_there():
    assert devices.torch_device("cpu").type == "cpu"
    assert devices.has_onnx_device("cpu") and not devices.has_onnx_device("tpu")


def test_what_is_no_network_is_named(tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            devices.onnx_session(path)
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(InputError, match=r"noise.onnx: is no model"):
        devices.onnx_session(tmp_path / "noise.onnx")


def test_a_provider_that_is_installed_is_found_by_its_device(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*devices.PROVIDERS.values()])
    assert devices.has_onnx_device("mps") and devices.has_onnx_device("1") and devices.has_onnx_device("openvino")
    assert not devices.has_onnx_device("cuda:one")


def test_threads_are_as_many_as_there_are_cores_but_no_more_than_asked(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert 1 <= devices.core_count() <= devices.MOST_THREADS
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert devices.core_count() == 1
