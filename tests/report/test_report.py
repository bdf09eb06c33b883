"""The page of a run: what it shows, that it is safe, and that a browser can use it."""

import json
import os
import re
import shutil
import signal
import time
from html.parser import HTMLParser

import numpy as np
import pytest
import supervision as sv
from browser import Browser, needs_browser

from readtrack.commands import edit, track
from readtrack.errors import InputError
from readtrack.report import write_report
from readtrack.results import Album, Comparison, Edit, Results, read, write_edits
from readtrack.tracking import Association
from readtrack.video import Frame

FPS, LENGTH = 10, 60


def people_in(index, people):
    """Each person stands in a column of its own; the last is away in the middle."""
    ids = [i for i in range(1, people + 1) if i < people or not 20 <= index < 45]
    left = np.array([30.0 * (i - 1) for i in ids])
    xyxy = np.stack([left, np.full(len(ids), 10.0), left + 25, np.full(len(ids), 80.0)], axis=1)
    return sv.Detections(xyxy, confidence=np.full(len(ids), 0.9), tracker_id=np.array(ids))


@pytest.fixture
def run(tmp_path):
    """Make a run of so many people, of whom the last comes back and another was doubtful."""

    def make(people=3, source="<b>a & b</b>", length=LENGTH):
        out = tmp_path / "run"
        out.mkdir()
        album = Album(FPS)
        image = np.random.default_rng(0).integers(0, 255, (90, 30 * people, 3)).astype(np.uint8)
        back = Association(45, people, people - 1, "reidentified", 0.97, 0.01, 25, 0.3)
        doubt = Association(30, 1, 0, "ambiguous", 0.55, 0.4, 1, 0.2)
        places = [(f, people_in(f, people).xyxy[0].astype(float)) for f in (30, 10, 12)]
        album.want([Comparison(30, 1, places, 0.6, np.full((2, 4, 2), 1 / 16))])
        with Results(out, FPS, video=False, album=album) as results:
            for index in range(length):
                told = {45: [back], 30: [doubt]}.get(index, [])
                results.write(Frame(index, image), people_in(index, people), told, [])
        about = {"frames": LENGTH, "first_frame": 0, "interrupted": False, "engine": "nothing"}
        about["run"] = {"source": source, "fps": FPS, "stride": 1, "weights": "read-s", "tracking": {"max_age": 60}}
        about["dropped"] = [{"id": 99, "probability": 0.1, "why": "picture"}]
        (out / "summary.json").write_text(json.dumps(about))
        return out, album

    return make


class Reader(HTMLParser):
    """What is in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_tells_who_when_why_and_how_far_to_trust_it(run):
    folder, album = run()
    text = write_report(folder, album).read_text()
    page = Reader(text)
    words = " ".join(" ".join(page.words).split())
    assert {"who", "when", "why", "trust", "person-1", "person-2", "person-3", "case-1"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "3 people in 6.0 s" in words and "1 not sure: person 1 doubtful, 55 %" in words
    assert "2.0 s to 4.5 s" not in words and "1.9 s to 4.5 s" in words  # the gap of person 3
    assert "does not look like a person" in words and "max_age" in words and "read-s" in words
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) > 20 and all(a["src"].startswith("data:image/jpeg;base64,") and a["alt"] for a in pictures)
    assert sum("found its answer" in a["alt"] for a in pictures) == 2


def test_what_is_not_sure_is_not_rounded_up_to_it(run):
    folder, album = run()
    log = folder / "associations.jsonl"
    log.write_text(log.read_text().replace('"probability": 0.55', '"probability": 0.8996'))
    words = " ".join(" ".join(Reader(write_report(folder, album).read_text()).words).split())
    assert "person 1 likely, 89 %" in words and "likely, 90 %" not in words


def test_decisions_without_a_comparison_are_shown_by_the_person_s_pictures(run):
    folder, album = run()
    album.comparisons.clear()
    page = Reader(write_report(folder, album).read_text())
    words = " ".join(" ".join(page.words).split())
    assert {"case-1", "case-2"} <= set(page.ids) and "reidentified after 2.5 s" in words
    assert not any("found its answer" in a.get("alt", "") for tag, a in page.tags)


def test_everything_is_escaped_and_nothing_is_fetched(run):
    folder, album = run(source="<script>alert(1)</script>'\"")
    text = write_report(folder, album).read_text()
    page = Reader(text)
    assert text.count("<script>") == 1 and "alert(1)" in "".join(page.words)
    fetched = [a.get("src") or a.get("href") for tag, a in page.tags if tag in ("img", "script", "link", "video")]
    assert all(address is None or address.startswith("data:") for address in fetched)
    assert not re.search(r"https?://", text)


def test_what_a_live_run_corrected_is_told(run):
    folder, album = run()
    about = json.loads((folder / "summary.json").read_text())
    about["run"]["ids_told"] = "frame by frame"
    row = {"frame": 40, "previous": 7, "track": 3, "first": 20, "last": 30, "boxes": 11}
    about |= {"boxes_corrected": 13, "corrections": [row, row | {"track": -1, "boxes": 2}]}
    (folder / "summary.json").write_text(json.dumps(about))
    page = Reader(write_report(folder, album).read_text())
    words = " ".join(" ".join(page.words).split())
    assert "corrections" in page.ids and "13 boxes in all. The" in words
    assert "4.0 s 7 3 2.0 s 3.0 s 11" in words and "4.0 s 7 nobody 2.0 s 3.0 s 2" in words


def test_decisions_on_who_is_there_no_more_lead_to_all(run):
    folder, album = run()
    (folder / "associations.jsonl").write_text(
        (folder / "associations.jsonl").read_text().replace('"track": 1,', '"track": 8,')
    )
    album.comparisons[0].track = 8
    page = Reader(write_report(folder, album).read_text())
    wanted = {a["href"][1:] for tag, a in page.tags if tag == "a" and a.get("href", "").startswith("#")}
    assert "case-1" in page.ids and wanted <= set(page.ids)


def test_corrections_that_fit_nobody_any_more_are_told(run):
    folder, album = run()
    write_edits(folder, [Edit("drop", [9], [(3, (900.0, 900.0, 950.0, 950.0))])])
    words = " ".join(" ".join(Reader(write_report(folder, album).read_text()).words).split())
    assert "drop 9" in words and "correction left out: drop 9: nobody is found there in frame 3" in words


def test_a_live_run_shows_attention_and_its_corrections(tmp_path):
    words = ["street:3", "--live", "--end", "150", "--no-video", "--quiet", "--blur", "people", "--out", str(tmp_path)]
    assert track.main(words) == 0
    page = Reader((tmp_path / "report.html").read_text())
    told = " ".join(" ".join(page.words).split())
    assert sum("found its answer" in a.get("alt", "") for _, a in page.tags) > 3 and "as they were made then" in told
    about = json.loads((tmp_path / "summary.json").read_text())
    assert sum(one["boxes"] for one in about["corrections"]) == about["boxes_corrected"]
    assert ("corrections" in page.ids) == bool(about["corrections"])
    assert about["own_pairs"]["said_of_same"] and "of its last seconds" in told
    one = int(read(tmp_path).id[0])
    assert edit.main([str(tmp_path), "drop", str(one), "--quiet"]) == 0  # without linking anew
    assert f"drop {one}" in (tmp_path / "report.html").read_text()


def test_the_recording_s_own_pairs_are_shown(run):
    folder, album = run()
    assert "told apart" not in write_report(folder, album).read_text()
    about = json.loads((folder / "summary.json").read_text())
    odds = {"said_of_same": [3.0, 5.0, -1.0, 9.9], "said_of_different": [-4.0, 1.0], "made_of_same": [2.0] * 4}
    about["own_pairs"] = odds | {"made_of_different": [-4.0, -1.0]}
    (folder / "summary.json").write_text(json.dumps(about))
    page = Reader(write_report(folder, album).read_text())
    words = " ".join(" ".join(page.words).split())
    assert "4 surely the same" in words and "2 surely different" in words and "in 87.5 % of cases" in words
    assert "By READ alone: over 50 % are 75 % of the same and 50 % of the different." in words
    assert "As the engine takes it: over 50 % are 100 % of the same and 0 % of the different." in words
    assert sum(a.get("class") == "same" for tag, a in page.tags if tag == "rect") == 4 + 1
    about["own_pairs"]["said_of_different"] = []
    (folder / "summary.json").write_text(json.dumps(about))
    assert "told apart" not in write_report(folder, album).read_text()


@pytest.mark.parametrize("left", ["nothing", "no summary", "no decisions", "nobody"])
def test_a_run_that_was_cut_short_has_a_page_too(run, left):
    folder, album = run()
    if left == "no summary":
        (folder / "summary.json").unlink()
    if left == "no decisions":
        (folder / "associations.jsonl").unlink()
    if left == "nobody":
        (folder / "tracks.txt").write_text("")
    text = write_report(folder, None if left == "nothing" else album).read_text()
    assert ("Nobody was found" in text) == (left == "nobody")


def test_what_is_damaged_is_told_and_a_page_that_cannot_be_written_leaves_the_rest(run):
    folder, album = run()
    page = write_report(folder, album)
    before = page.read_bytes()
    (folder / "associations.jsonl").write_text('{"frame": 1}\n')
    with pytest.raises(InputError, match="jsonl:1"):
        write_report(folder, album)
    assert page.read_bytes() == before
    (folder / "associations.jsonl").write_text("")
    os.chmod(folder, 0o500)
    try:
        if not os.access(folder, os.W_OK):
            with pytest.raises(InputError, match="cannot be written"):
                write_report(folder, album)
            assert page.read_bytes() == before
    finally:
        os.chmod(folder, 0o700)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here, which stands for a full disk")
@pytest.mark.parametrize("name", ["report.html", "pictures.zip"])
def test_a_full_disk_while_the_page_is_written_leaves_the_run_whole(name, tmp_path, capsys):
    (tmp_path / f"{name}.{os.getpid()}.partial").symlink_to("/dev/full")
    words = ["street", "--end", "12", "--weights", "none", "--no-video", "--quiet", "--out", str(tmp_path)]
    assert track.main(words) == 2
    error = capsys.readouterr().err
    assert f"{name}: cannot be written" in error and error.count("\n") == 1
    assert len(read(tmp_path)) > 40 and json.loads((tmp_path / "summary.json").read_text())["frames"] == 12
    assert not (tmp_path / "report.html").exists()


def interrupt(*_):
    """Ctrl-C, as a terminal sends it."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)  # which is not reached


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    """A run of the street, with a page."""
    out = tmp_path_factory.mktemp("run") / "street"
    words = ["street", "--end", "40", "--weights", "none", "--no-video", "--format", "mot,csv", "--quiet"]
    assert track.main([*words, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("where", ["readtrack.report.page.render", "readtrack.results.album.ZipFile"])
def test_ctrl_c_while_the_page_is_written_leaves_the_run_whole(where, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(where, interrupt)
    words = ["street", "--end", "12", "--weights", "none", "--no-video", "--format", "csv", "--quiet"]
    assert track.main([*words, "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err.endswith("stopped\n")
    assert len(read(tmp_path)) > 40 and json.loads((tmp_path / "summary.json").read_text())["frames"] == 12
    assert (tmp_path / "tracks.csv").read_text().count("\n") > 40
    assert not (tmp_path / "report.html").exists() and not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("fault", ["Ctrl-C", "full disk"])
def test_a_correction_that_cannot_write_its_page_stays_and_so_does_the_page(
    fault, short_run, tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "run"
    shutil.copytree(short_run, folder)
    before, one = (folder / "report.html").read_bytes(), int(read(folder).id[0])
    if fault == "Ctrl-C":
        monkeypatch.setattr("readtrack.report.page.render", interrupt)
    elif os.path.exists("/dev/full"):
        (folder / f"report.html.{os.getpid()}.partial").symlink_to("/dev/full")
    else:
        pytest.skip("no /dev/full here, which stands for a full disk")
    status, told = (130, "stopped") if fault == "Ctrl-C" else (2, "report.html: cannot be written")
    assert edit.main([str(folder), "drop", str(one)]) == status
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert (folder / "report.html").read_bytes() == before and not list(folder.glob("*.partial"))
    assert one not in read(folder).id and f",{one}," not in (folder / "tracks.csv").read_text()
    monkeypatch.undo()
    assert edit.main([str(folder), "undo", "--quiet"]) == 0 and one in read(folder).id


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here, which stands for a full disk")
@pytest.mark.parametrize("name", ["summary.json", "tracks.csv", "tracks.txt"])
def test_a_disk_that_is_full_before_the_page_leaves_what_was_written(name, tmp_path, capsys):
    (tmp_path / f"{name}.{os.getpid()}.partial").symlink_to("/dev/full")
    words = ["street", "--end", "12", "--weights", "none", "--no-video", "--format", "csv", "--quiet"]
    assert track.main([*words, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"{name}: cannot be written" in error and error.count("\n") == 1
    assert len(read(tmp_path)) > 40  # of tracks.txt those that are not linked yet


def test_a_run_without_a_page_has_none(tmp_path):
    words = [
        "street",
        "--end",
        "5",
        "--weights",
        "none",
        "--no-video",
        "--no-report",
        "--quiet",
        "--out",
        str(tmp_path),
    ]
    assert track.main(words) == 0
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "pictures.zip").exists()


def test_a_run_is_not_removed_for_corrections_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "tracks.txt").write_text("1,1,2,3,4,5,1,-1,-1,-1\n")
    (tmp_path / "edits.json").write_text("{")
    assert track.main(["street", "--end", "5", "--overwrite", "--quiet", "--out", str(tmp_path)]) == 2
    assert "edits.json" in capsys.readouterr().err and (tmp_path / "tracks.txt").is_file()


@needs_browser
def test_a_browser_finds_opens_and_follows_a_person(run, tmp_path):
    folder, album = run()
    page = write_report(folder, album)
    with Browser(tmp_path / "profile") as browser:
        browser.open(page.as_uri())
        assert browser("document.querySelector('.tools').hidden") is False
        browser("search.value = '3'; search.dispatchEvent(new Event('input'))")
        shown = "[...document.querySelectorAll('#people tbody tr')].filter(r => !r.hidden).map(r => r.id)"
        assert browser(shown) == ["person-3"] and browser("found.textContent") == "1 found"
        browser("search.value = ''; search.dispatchEvent(new Event('input'))")
        browser("document.querySelectorAll('th[data-sort] button')[1].click()")
        assert browser(shown)[0] == "person-1"  # the least sure first
        browser(
            "document.querySelector('svg.times a[href=\"#person-3\"] path').dispatchEvent("
            "new MouseEvent('click', {bubbles: true, cancelable: true}))"
        )
        assert browser("location.hash") == "#person-3"
        assert browser("[...document.images].every(i => i.loading == 'lazy' || i.naturalWidth > 0)")
        assert browser("document.querySelectorAll('.case img')[0].decode().then(() => true)")
        assert browser.told == [] and browser.requests == [page.as_uri()]


@needs_browser
def test_the_keyboard_reaches_everything_and_shows_where_it_is(run, tmp_path):
    folder, album = run()
    focus, inside = "document.activeElement", "document.activeElement.closest('#people tbody tr')?.id"
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(folder, album).as_uri())
        browser.press("Tab")
        assert browser(f"{focus}.className") == "skip"
        assert browser(f"{focus}.getBoundingClientRect().left") >= 0
        browser("document.querySelector('#people thead button').focus()")
        browser.press("Enter")
        assert browser("document.querySelector('#people th').getAttribute('aria-sort')") == "ascending"
        browser.press("Enter")
        assert browser("document.querySelector('#people th').getAttribute('aria-sort')") == "descending"
        assert browser("document.querySelectorAll('#people th[aria-sort]').length") == 1
        browser("document.querySelector('#people thead th:last-child button').focus()")
        browser.press("Tab")
        assert browser(inside) == "person-3"
        assert browser(f"getComputedStyle({focus}).outlineStyle") == "solid"
        first = browser(f"{focus}.querySelector('img').alt")
        browser.press("ArrowRight", times=2)
        assert browser(inside) == "person-3" and browser(f"{focus}.querySelector('img').alt") != first
        browser.press("Home")
        assert browser(f"{focus}.querySelector('img').alt") == first
        browser.press("ArrowLeft")
        assert browser(f"{focus}.querySelector('img').alt") == first
        browser.press("Tab")  # past the other pictures of this person, to the gaps
        assert browser(f"{focus}.localName") == "summary" and browser(inside) == "person-3"
        browser.press("Tab")
        assert browser(inside) == "person-2"
        assert browser("[...document.querySelectorAll('svg.times a:not([tabindex])')].map(a => a.ariaLabel)") == [
            "person 1",
            "person 2",
            "person 3",
        ]
        assert browser.told == []


@needs_browser
def test_a_click_on_the_chart_goes_to_the_picture_of_that_moment(run, tmp_path):
    folder, album = run()
    with Browser(tmp_path / "profile") as browser:
        browser.open(write_report(folder, album).as_uri())
        for moment, words in ((0.2, "person 3 at 0.0 s"), (5.0, "person 3 at 5.0 s")):
            browser.click("svg.times a.bars[href='#person-3'] .seen", share=moment / 6)
            assert browser("location.hash") == "#person-3"
            browser("new Promise(done => setTimeout(done, 50))")
            assert browser("document.activeElement.querySelector('img').alt") == words
        assert browser("document.activeElement.getBoundingClientRect().top") < 900


@needs_browser
def test_a_narrow_window_scrolls_no_way_but_down(run, tmp_path):
    folder, album = run(people=12)
    with Browser(tmp_path / "profile") as browser:
        browser.resize(320)
        browser.open(write_report(folder, album).as_uri())
        assert browser("document.scrollingElement.scrollWidth") <= 320


def test_structure_that_a_screen_reader_goes_by(run):
    folder, album = run()
    page = Reader(write_report(folder, album).read_text())
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert all(a.get("scope") in ("row", "col") for tag, a in page.tags if tag == "th")
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    regions = [a.get("aria-label", a.get("aria-labelledby")) for _, a in page.tags if a.get("role") == "region"]
    assert regions and all(regions) and len(regions) == len(set(regions))
    titled = [a.get("aria-labelledby") for tag, a in page.tags if tag in ("section", "svg")]
    assert all(titled) and set(titled) <= set(page.ids)
    assert [a.get("lang") for tag, a in page.tags if tag == "html"] == ["en"]


@needs_browser
def test_without_javascript_tables_and_pictures_are_there(run, tmp_path):
    folder, album = run()
    with Browser(tmp_path / "profile", javascript=False) as browser:
        browser.open(write_report(folder, album).as_uri())
        assert browser.told == []
        assert browser("document.querySelector('.tools').hidden") is True
        assert browser("document.querySelectorAll('#people tbody tr').length") == 3
        assert browser("document.querySelector('#people img').decode().then(() => true)")


@needs_browser
def test_a_page_of_500_people_opens(run, tmp_path):
    folder, album = run(people=500, length=20)
    page = write_report(folder, album)
    assert page.stat().st_size < 12e6  # its pictures are noise
    with Browser(tmp_path / "profile") as browser:
        browser.open(page.as_uri())
        assert browser("document.querySelectorAll('*').length") < 20_000
        assert browser("document.querySelectorAll('#people tbody tr').length") == 500
