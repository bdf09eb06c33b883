"""The plan of the house: who may import whom, what is public, and where printing and flags belong."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import readtrack

ROOT = Path(__file__).parents[1]
PACKAGE = Path(readtrack.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

DOORS = {"run", "train", "evaluate", "relink", "average", "calibrate", "bench"}
FLOORS = [  # a room imports from lower floors and from itself
    {"errors"},
    {"boxes", "images", "files", "devices", "odds"},
    {"mot", "video", "detect", "street", "tracking", "linking", "read", "metrics"},
    {"judging"},
    {"gathering"},
    {"recorded"},
    {"linker", "live"},
    {"offline"},
    {"crossing"},
    {"datasets", "results", "readtracker", "relinking", "memory"},
    {"pipeline", "adapters", "report", "gallery"},
    {"fleet"},
    {"evaluation"},
    {"training"},
    {"commands"},
    {"__init__", "__main__", *DOORS},
]
TASKS = {
    "track",
    "edit",
    "export_tracks",
    "gallery",
    "fleet",
    "relink",
    "tune",
    "train",
    "average",
    "calibrate",
    "convert",
    "export",
    "bench",
    "evaluate",
}
OTHERS_FLAGS = {"--upgrade", "--force-reinstall", "--tracker"}  # pip's, and that of the command of `trackers`
SCORES = {"reid", "longgap", "mot", "peers", "gaps"}  # the tasks of `evaluate`
FORBIDDEN = {"utils", "common", "helpers", "core", "base", "io", "types"}
TORCH = {  # what may import PyTorch while it is imported, beside training/
    "evaluation/speed.py",
    "read/compression.py",
    "read/encoders.py",
    "read/export.py",
    "read/graphs.py",
    "read/losses.py",
    "read/model.py",
    "read/openvino.py",
    "read/osnet.py",
    "read/released.py",
    "read/torch_network.py",
}
MODULE_OF = {"opencv-python": "cv2", "pyyaml": "yaml", "scikit-learn": "sklearn"}  # others bear the distribution's
PENDING: dict[str, set[str]] = {}  # modules still to be turned, by rule; nothing is added here


@cache
def tree(path):
    return ast.parse((PACKAGE / path).read_text())


def name_of(path):
    """The dotted name of a file in the package."""
    parts = path.with_suffix("").parts
    return ".".join(("readtrack", *(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)))


def at_import(node):
    """What runs when a module is imported: neither functions nor what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from at_import(child)


def imports(nodes):
    """Dotted names that are imported: ``a.b.c`` for ``from a.b import c``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(room):
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def room_of(name):
    """The room of a dotted name; names of the package itself are its ``__init__``."""
    room = name.split(".")[1] if "." in name else "__init__"
    return "__init__" if room in set(readtrack.__all__) | {"__version__"} else room


def task_of(name):
    """The task that a dotted name inside ``commands`` belongs to; empty for what tasks share."""
    _, _, task, score, *_ = [*name.split("."), "", ""]
    return f"evaluate {score}" if task == "evaluate" and score in SCORES else task if task in TASKS else ""


def wrong_arrow(importer, imported):
    """Why one module may not import the other; empty where it may."""
    room, target = room_of(importer), room_of(imported)
    if room == target == "commands":
        one, other = task_of(importer), task_of(imported)
        return "" if not other or one.startswith(other) or other.startswith(f"{one} ") else "imports a task"
    if room == target or room == "__init__":
        return "" if target not in DOORS else "imports a door"
    if floor_of(target) >= floor_of(room):
        return "does not point down"
    if room == "evaluation" and target == "adapters":
        return "evaluation knows no hosts"
    if room == "training" and target == "evaluation" and not imported.startswith("readtrack.evaluation.reid"):
        return "training needs of evaluation only reid"
    return ""


def turned(rule, faults):
    """The faults of modules that are not still to be turned."""
    return [fault for fault in faults if fault[0] not in PENDING.get(rule, ())]


def test_arrows_point_down():
    found = [
        (str(path), imported, why)
        for path in MODULES
        for imported in imports(ast.walk(tree(path)))
        if imported.split(".")[0] == "readtrack" and (why := wrong_arrow(name_of(path), imported))
    ]
    assert not turned("arrows", found)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("tracking.tracker", "read.matcher"),
        ("boxes", "images.Image"),
        ("errors", "boxes.iou"),
        ("pipeline", "adapters.host.hook"),
        ("evaluation.peers.hosts", "adapters.host.hook"),
        ("training.loop", "evaluation.charts"),
        ("training.loop", "commands.console.progress"),
        ("commands.train", "commands.track.main"),
        ("commands.console", "commands.track.main"),
        ("commands.evaluate.reid", "commands.evaluate.gaps"),
        ("commands.track", "run.main"),
        ("results.folder", "Matcher"),
        ("__init__", "run.main"),
    ],
)
def test_a_wrong_arrow_is_seen(importer, imported):
    assert wrong_arrow(f"readtrack.{importer}", f"readtrack.{imported}")


def test_rooms_are_well_named():
    assert not [path for path in MODULES if FORBIDDEN & set(path.with_suffix("").parts)]
    rooms = {path.with_suffix("").parts[0] for path in MODULES}
    assert rooms <= set().union(*FLOORS)
    assert not rooms & set(readtrack.__all__), "a module would hide the public name"


def test_tests_mirror_the_rooms():
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    assert not [folder for folder in folders if not (PACKAGE / folder).is_dir()]


def test_private_names_stay_where_they_are():
    """Attributes are ruff's business (SLF001); this is about imports."""
    files = [PACKAGE / path for path in MODULES] + [*(ROOT / "tests").rglob("*.py"), *(ROOT / "demos").rglob("*.py")]
    found = []
    for file in files:
        for name in imports(ast.walk(ast.parse(file.read_text()))):
            if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")):
                found.append((str(file.relative_to(ROOT)), name))
    assert not turned("private", found)


def test_only_commands_print_and_speak_of_flags():
    found = []
    for path in MODULES:
        if path.parts[0] in ("commands", "__main__.py", *(f"{door}.py" for door in DOORS)):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                found.append((str(path), "print"))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", node.value)) - OTHERS_FLAGS
                found += [(str(path), flag) for flag in flags]
        found += [(str(path), name) for name in imports(ast.walk(tree(path))) if name.split(".")[0] == "rich"]
    assert not turned("printing", found)


def declared():
    """Modules of the dependencies, of the extras for users, and of those for developers."""
    text = (ROOT / "pyproject.toml").read_text()
    needed, extras = text.split("[project.optional-dependencies]")

    def modules(part):
        names = re.findall(r'"([A-Za-z][\w-]*)(?:\[[\w,-]+\])?\s*[<>=~!]', part)
        return {MODULE_OF.get(name, name.replace("-", "_")) for name in names}

    users, developers = extras.split("\n[project.scripts]")[0].split("\ndev = ")
    return modules(needed.split("\ndependencies")[1]), modules(users), modules(developers)


def foreign(nodes):
    """Other people's packages among the imports."""
    return {name.split(".")[0] for name in imports(nodes)} - set(sys.stdlib_module_names) - {"readtrack"}


def test_every_import_is_declared():
    needed, extras, developers = declared()
    assert {"cv2", "torch", "tyro", "requests"} <= needed and {"onnx", "trackers", "lightning_fabric"} <= extras
    found = []
    for path in MODULES:
        optional = set() if path.parts[0] in ("training", "adapters") else extras
        found += [(str(path), name) for name in foreign(ast.walk(tree(path))) - needed - extras]
        found += [(str(path), f"{name} at import") for name in foreign(at_import(tree(path))) & (optional - needed)]
    assert not turned("imports", found)
    local = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    for path in (*(ROOT / "tests").rglob("*.py"), *(ROOT / "demos").rglob("*.py")):
        assert foreign(ast.walk(ast.parse(path.read_text()))) <= needed | extras | developers | local, path


def test_torch_waits_until_it_is_needed():
    heavy = {"torch", "torchvision", "ultralytics"}
    found = [
        (str(path), name)
        for path in MODULES
        if path.parts[0] != "training" and str(path) not in TORCH
        for name in foreign(at_import(tree(path))) & heavy
    ]
    assert not turned("torch", found)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_all_is_what_there_is(path):
    names = [
        ast.literal_eval(node.value)
        for node in tree(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    lines = [line for top in tree(path).body for line in (top.body if isinstance(top, ast.If) else [top])]
    bound = {name.split(".")[-1] for name in imports(lines)}
    bound |= {alias.asname for node in tree(path).body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    for listed in names:
        assert len(listed) == len(set(listed))
        assert str(path) == "__init__.py" or set(listed) <= bound
    if path.name == "__init__.py" and path.parent.parts and [name for name in imports(tree(path).body)]:
        (listed,) = names  # a package that gathers names says which
        assert listed


def test_public_names_are_what_they_say():
    assert readtrack.__all__ == sorted(readtrack.__all__)
    for name in readtrack.__all__:
        assert getattr(readtrack, name).__name__ == name
    assert set(readtrack.__all__) <= set(dir(readtrack))
    with pytest.raises(AttributeError):
        readtrack.Nothing  # noqa: B018


def test_importing_is_light():
    code = (
        "import sys, readtrack, readtrack.tracking, readtrack.mot, readtrack.video, readtrack.detect, readtrack.street"
    )
    code += "; print(*{'torch', 'ultralytics', 'onnxruntime', 'av', 'rich'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""
