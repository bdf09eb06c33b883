"""Supervision for a quick start: ``Detections`` at once, the rest when somebody asks for it.

``import supervision`` brings annotators, data sets and metrics, and with them most of SciPy.
"""

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any


def light_supervision() -> None:
    """Let ``import supervision`` load ``Detections`` only, and all of it at the first word of anything else.

    Without effect where it is loaded already. For programs of this project: it is theirs to say what is imported how.
    """
    spec = None if "supervision" in sys.modules else find_spec("supervision")
    if spec is None or spec.loader is None:
        return
    module, loader = module_from_spec(spec), spec.loader

    def rest(name: str) -> Any:
        module.__dict__.pop("__getattr__", None)
        loader.exec_module(module)
        return getattr(module, name)

    sys.modules["supervision"] = module
    try:
        from supervision.detection.core import Detections
    except ImportError:  # another supervision: as it comes
        del sys.modules["supervision"]
        return
    module.__dict__.update(Detections=Detections, __getattr__=rest)
