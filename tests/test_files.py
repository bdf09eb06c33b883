import pytest

from readtrack.errors import InputError
from readtrack.files import check_apart, check_writable, replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file"
    with replacing(path) as partial:
        partial.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("second")
        raise ZeroDivisionError
    assert path.read_text() == "first" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("no room\nat all")])
def test_what_keeps_a_file_from_being_written_is_told_in_one_line(tmp_path, error):
    reason = r"file: cannot be written \((No space left on device|no room)\)"
    with pytest.raises(InputError, match=reason) as told, replacing(tmp_path / "file", RuntimeError):
        raise error
    assert told.value.parameter is None
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "file")
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "taken").touch()
    for path in (tmp_path / "new", tmp_path / "taken" / "file"):
        with pytest.raises(InputError, match="cannot be written"):
            check_writable(path)


def test_what_is_read_is_never_replaced(tmp_path):
    source, link, hard = tmp_path / "in" / "video.mp4", tmp_path / "link", tmp_path / "hard"
    source.parent.mkdir()
    source.touch()
    link.symlink_to(source)
    hard.hardlink_to(source)
    fresh, report = tmp_path / "fresh", source.parent / "report.json"
    report.touch()
    check_apart([fresh, report, tmp_path / "none"], [source, source.parent, None, "", "read-s", tmp_path / "other"])
    for written, read in (
        (source, source),
        (link, source),
        (hard, str(source)),
        (source.parent / ".." / "in" / "video.mp4", link),
        (source.parent, source),  # the whole folder would go
        (source, source.parent),  # one of the files that are found there
    ):
        with pytest.raises(InputError, match="would be replaced, and .* is read: write elsewhere") as told:
            check_apart([fresh, written], [None, read])
        assert told.value.parameter == "out"
