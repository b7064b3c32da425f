"""The pages in a real browser: what a person does with them works, without a network and without an error."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="drives the browser: pip install playwright")
from commands import Command, held_steps, write_yaml
from made_runs import generated, make_run, write_sweep_report
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from wgan.config.resolve import resolve, to_yaml
from wgan.reporting.gallery import write_index
from wgan.reporting.grids import save_grid
from wgan.reporting.report import write_report
from wgan.reporting.run_record import find_runs
from wgan.runs.run_dir import Run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<img src=x onerror=alert(1)>"

Visit = Callable[..., Page]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.optional,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Six runs with their pages: a small sweep, one that goes on, one with a hostile name."""
    out = tmp_path_factory.mktemp("out")
    grids = {step: out / ".grids" / f"{step}.png" for step in range(0, 5001, 500)}
    for step, path in grids.items():
        save_grid(generated(step / 5000), path)
    for gp_lambda, quality in ((0.1, 0.3), (1, 0.8), (10, 1.0), (100, 0.5)):
        make_run(out, f"digits-gp_lambda={gp_lambda}", gp_lambda=gp_lambda, quality=quality, grids=grids)
    make_run(out, "goes-on", state="running", steps=2500, grids=grids, ema_decay=0.99)
    make_run(out, HOSTILE, state="stopped", steps=1000, run="hostile", grids=grids, warnings=[HOSTILE])
    with Run(out / "goes-on").lock():
        for run in find_runs(out):
            write_report(run)
        write_sweep_report(out / "study", {out / f"digits-gp_lambda={v}": {"gp_lambda": v} for v in (0.1, 1, 10, 100)})
        write_index(out)
        yield out


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open a file in a window; at the end, no error was reported and nothing was asked of a network."""
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context()

    def open_page(path: Path, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"alert: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert complaints == []
    assert requests
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}


def decoded(image: Locator) -> bool:
    """Whether the browser shows a picture there."""
    image.evaluate("image => image.decode()")
    return bool(image.evaluate("image => image.naturalWidth > 0"))


def names(page: Page) -> list[str]:
    """The runs that the table shows, from top to bottom."""
    return page.locator("#runs tbody tr:visible td.run > a").all_text_contents()


def test_the_slider_the_keys_and_the_button_move_the_grid(out: Path, visit: Visit) -> None:
    page = visit(out / "digits-gp_lambda=10" / "report.html")
    image, shown = page.locator("#sample"), page.locator("#shown-step")
    assert shown.text_content() == "step 5,000"
    last = image.get_attribute("src")
    page.locator("#step").fill("0")
    assert shown.text_content() == "step 0"
    assert image.get_attribute("src") != last
    assert "step 0" in image.get_attribute("alt")
    assert decoded(image)
    page.locator("#step").press("ArrowRight")
    assert shown.text_content() == "step 500"
    page.locator("#step").evaluate("slider => slider.blur()")
    page.keyboard.press("ArrowRight")
    assert shown.text_content() == "step 1,000"
    page.locator("#play").click()
    expect(shown).to_have_text("step 5,000")
    assert image.get_attribute("src") == last
    assert page.locator("#play").text_content() == "Play"


def test_the_curves_zoom_tell_values_and_change_their_scale(out: Path, visit: Visit) -> None:
    page = visit(out / "digits-gp_lambda=10" / "report.html")
    charts = page.locator(".chart")
    assert charts.count() == 6
    canvas, readout = charts.first.locator(".u-over"), charts.first.locator(".readout")
    assert "step" not in readout.text_content()
    canvas.hover()
    assert "step 2,5" in readout.text_content()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    limits = [int(page.locator(f"[name={name}]").input_value()) for name in ("from", "to")]
    assert limits == pytest.approx([2525, 3763], abs=60)
    before = page.locator(".chart canvas").first.screenshot()
    page.get_by_role("button", name="Show all").click()
    assert page.locator("[name=from]").input_value() == ""
    whole = page.locator(".chart canvas").first.screenshot()
    page.get_by_label("log scale").check()
    logarithmic = page.locator(".chart canvas").first.screenshot()
    assert len({before, whole, logarithmic}) == 3
    assert "from 99.3 at step 50" in charts.first.locator("[role=img]").get_attribute("aria-label")


def test_a_page_of_a_run_that_goes_on_loads_itself_anew_and_stays_where_it_was(out: Path, visit: Visit) -> None:
    page = visit(out / "goes-on" / "report.html")
    page.clock.install()
    page.reload()
    page.locator("#step").fill("2")
    page.get_by_label("log scale").check()
    with page.expect_navigation():
        page.clock.fast_forward(60_000)
    assert page.locator("#shown-step").text_content() == "step 1,000"
    assert page.get_by_label("log scale").is_checked()


def test_the_table_sorts_by_value_and_filters_by_words_and_state(out: Path, visit: Visit) -> None:
    page = visit(out / "index.html")
    assert len(names(page)) == 6
    page.get_by_role("button", name="SWD").click()
    ordered = [f"digits-gp_lambda={value}" for value in (10, 1, 100, 0.1)]
    assert names(page)[:4] == ordered
    page.get_by_role("button", name="SWD").click()
    assert names(page)[:4] == ordered[::-1], "runs without a value stay at the end"
    page.get_by_role("button", name="gp_lambda").click()
    assert [name for name in names(page) if "=" in name and "<" not in name] == [
        f"digits-gp_lambda={value}" for value in (0.1, 1, 10, 100)
    ]
    page.locator("#filter").fill("gp_lambda=1 finished")
    assert set(names(page)) == {"digits-gp_lambda=1"}
    page.locator("#filter").fill("digits-gp")
    assert set(names(page)) == {f"digits-gp_lambda={value}" for value in (0.1, 1, 10, 100)}
    page.locator("#filter").fill("")
    page.locator("#state").select_option("running")
    assert names(page) == ["goes-on"]
    assert page.locator("#shown").text_content() == "1 of 6 runs"


def test_a_page_that_nobody_renews_says_for_how_long_and_the_lock_tells_a_killed_run(
    out: Path, tmp_path: Path, visit: Visit
) -> None:
    folder = shutil.copytree(out / "goes-on", tmp_path / "killed")
    for path in folder.glob("*"):
        os.utime(path, (time.time() - 3 * 3600,) * 2)

    def badges() -> set[str | None]:
        write_report(folder)
        pages = (visit(write_index(tmp_path)), "#runs .badge"), (visit(folder / "report.html"), "h1 .badge")
        return {page.locator(badge).text_content() for page, badge in pages}

    with Run(folder).lock():
        assert badges() == {"running, silent for 3 h"}
    write_index(tmp_path)  # by whatever other command draws it, it corrects the report too
    assert visit(folder / "report.html").locator("h1 .badge").text_content() == "interrupted"
    assert badges() == {"interrupted"}


def test_pages_are_there_before_the_first_step_follow_every_row_and_tell_of_a_kill(
    tmp_path: Path, visit: Visit
) -> None:
    yaml = write_yaml(tmp_path, metrics=[], num_steps=1000, log_every=1, sample_every=1000, checkpoint_every=1000)
    allowed, folder = tmp_path / "allowed", tmp_path / "out" / "run"
    allowed.write_text("0")
    training = Command(tmp_path / "output.txt", [yaml], partial(held_steps, allowed))
    try:
        wait_for(lambda: f"Report:  {folder / 'report.html'}" in training.text)
        page = visit(folder / "report.html")
        assert "step 0 of 1,000" in page.locator("header .facts").text_content()
        page.get_by_role("link", name="All runs").click()
        page.get_by_role("link", name="run", exact=True).click()
        assert page.locator("h1").text_content() == "run running"
        for step in (1, 3):
            allowed.write_text(str(step))
            wait_for(lambda step=step: f"step {step} of" in (page.reload() and page.locator("header").text_content()))
        assert Run(folder).read_state()["step"] == 0, "no checkpoint was written since"
    finally:
        training.kill()
    write_report(folder)
    assert visit(folder / "report.html").locator("h1").text_content() == "run interrupted"
    assert visit(write_index(folder.parent)).locator("#runs .badge").text_content() == "interrupted"


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_columns_are_hidden_and_shown_from_a_menu_inside_the_window(out: Path, visit: Visit) -> None:
    for width in (1200, 400):
        page = visit(out / "index.html", width=width)
        cells = page.locator("td[data-column=coverage]:not([data-order=''])")
        assert not cells.first.is_visible(), "the most telling metric stands alone at first"
        page.locator("#menu summary").click()
        box = page.locator("#menu > div").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.locator("#menu").get_by_label("coverage").check()
        page.locator("#menu").get_by_label("gp_lambda").uncheck()
        assert cells.first.is_visible()
        assert not page.locator("td[data-column=gp_lambda]").first.is_visible()


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of images, and of one of them two sweeps of the same name, the second of which has only begun."""
    out = tmp_path_factory.mktemp("projects")
    save_grid(generated(1.0), out / ".grid.png")
    common: dict[str, Any] = {"steps": 500, "grids": dict.fromkeys((0, 500), out / ".grid.png")}
    for name, quality, rate in (("birds", 0.3, 1e-3), ("birds-slow", 0.9, 1e-4)):
        keys = {"dataset": None, "path": "birds", "learning_rate": rate, "beta_adam": 0.5}
        make_run(out, name, quality=quality, **keys, **common)
    make_run(out, "alone", **common)
    for folder, seed, made in (("study-sweep-gp_lambda", 42, 2), ("study-sweep-gp_lambda-2", 7, 1)):
        (out / folder).mkdir()
        (out / folder / "sweep.yaml").write_text("sweep:\n  gp_lambda: [2, 10]\n")
        runs = {out / f"study-gp_lambda={value}-seed={seed}": {"gp_lambda": value} for value in (2, 10)}
        for number, (run, values) in enumerate(runs.items()):
            if number < made:
                make_run(
                    out, run.name, seed=seed, quality=0.5 + 0.1 * number, critic_its=2 + number, **values, **common
                )
            keys = {"arch": "WGAN-GP", "dataset": "mnist-5k", "image_size": 28, "number_channels": 1, "num_steps": 5000}
            keys |= {"seed": seed, "critic_its": 2, "run": run.name, **values}
            (out / folder / f"{run.name}.yaml").write_text(to_yaml(resolve(keys)))
        write_sweep_report(out / folder, runs)
    write_index(out)
    return out


def test_runs_stand_in_tables_by_images_and_sweep_each_with_the_keys_that_differ_there(
    projects: Path, visit: Visit
) -> None:
    page = visit(projects / "index.html", width=1200)
    tables = page.locator("#runs section")
    headings = ["birds", "mnist-5k", "Sweep study-sweep-gp_lambda", "Sweep study-sweep-gp_lambda-2"]
    assert tables.locator("h2").all_text_contents() == headings

    def columns(number: int) -> list[str]:
        return tables.nth(number).locator("thead th[data-column]:visible").all_text_contents()

    assert columns(0) == ["learning_rate", "SWD"], "beta_adam is the same in both"
    assert "beta_adam=0.5" in tables.nth(0).locator("details").text_content()
    assert not tables.nth(0).get_by_text("beta_adam=0.5").is_visible()
    assert columns(1) == ["SWD"]
    assert columns(2) == ["gp_lambda", "critic_its", "SWD"], "what was swept comes first"
    assert columns(3) == ["gp_lambda", "SWD"]
    assert "real 0.0100" in tables.nth(0).locator("tbody td[data-column=SWD]").first.text_content()
    assert tables.nth(3).locator(".badge").all_text_contents() == ["finished", "pending"]
    assert tables.nth(3).locator("td.run > a:not([href])").count() == 1, "what has no page yet is no link"
    rows = page.locator("#runs tr").filter(has=page.locator("td.best"))
    assert page.locator("td.best").first.evaluate("cell => getComputedStyle(cell).fontWeight") == "700"
    bold = rows.locator("td.run > a").all_text_contents()
    assert bold == ["birds-slow", "study-gp_lambda=10-seed=42"], "where two runs compare"
    heights = page.locator("#runs tbody tr").evaluate_all("rows => rows.map(r => r.getBoundingClientRect().height)")
    assert max(heights) <= 90
    assert page.locator("#runs").evaluate("runs => runs.scrollWidth - runs.clientWidth") == 0
    assert page.locator("#sort").input_value() == "Run false"


def test_columns_follow_the_filter(projects: Path, visit: Visit) -> None:
    page = visit(projects / "index.html", width=1200)
    page.locator("#filter").fill("birds")
    assert page.locator("#runs section:visible h2").all_text_contents() == ["birds"]
    page.locator("#menu summary").click()
    assert page.locator("#menu label:visible").all_text_contents()[:1] == [" learning_rate"]
    assert not page.locator("#menu").get_by_label("gp_lambda").is_visible()
    page.locator("#filter").fill("seed=42 critic_its=2")
    assert names(page) == ["study-gp_lambda=2-seed=42"]
    page.locator("#filter").fill("")
    page.get_by_label("Compare birds", exact=True).check()
    page.get_by_label("Compare study-gp_lambda=2-seed=42", exact=True).check()
    page.locator("#compare").click()
    differing = page.locator("#differences th:first-child").all_text_contents()
    assert {"data", "gp_lambda", "learning_rate", "swd"} <= set(differing), "runs of two tables compare too"


def test_each_sweep_keeps_its_own_page_and_says_what_is_pending(projects: Path, visit: Visit) -> None:
    page = visit(projects / "index.html")
    page.locator("#runs h2").get_by_role("link", name="study-sweep-gp_lambda", exact=True).click()
    assert page.locator("#ranking .badge").count() == 0
    page.go_back()
    page.locator("#runs h2").get_by_role("link", name="study-sweep-gp_lambda-2", exact=True).click()
    assert page.locator("h1").text_content() == "Sweep study-sweep-gp_lambda-2"
    assert page.locator("#ranking .badge").all_text_contents() == ["pending"]
    assert page.locator("#ranking tr.first").count() == 0, "one setting alone is best of none"


def test_small_images_are_enlarged_a_whole_number_of_times_and_crisp(out: Path, visit: Visit) -> None:
    page = visit(out / "digits-gp_lambda=10" / "report.html", width=1200)
    drawn = (
        "image => [image.getBoundingClientRect().width / image.naturalWidth, getComputedStyle(image).imageRendering]"
    )
    assert page.locator("#sample").evaluate(drawn) == [1, "pixelated"], "a PNG of which each pixel is 3 x 3 already"
    page.set_viewport_size({"width": 400, "height": 800})
    expect(page.locator("#sample")).not_to_have_class(re.compile("pixels"))
    assert page.locator("#sample").evaluate(drawn)[0] < 1
    page = visit(out / "index.html", width=1200)
    assert page.locator("#runs img").first.evaluate(drawn) == [1, "pixelated"]
    assert page.locator("#runs img").first.bounding_box()["height"] <= 72


def test_picked_runs_stand_side_by_side_under_one_slider(out: Path, visit: Visit) -> None:
    page = visit(out / "index.html")
    for name in ("digits-gp_lambda=10", "digits-gp_lambda=1", "goes-on"):
        page.get_by_label(f"Compare {name}", exact=True).check()
    page.locator("#compare").click()
    dialog = page.locator("#comparison")
    assert dialog.is_visible()
    assert dialog.locator("#side h3").all_text_contents() == ["digits-gp_lambda=1", "digits-gp_lambda=10", "goes-on"]
    assert dialog.locator("#side figcaption").all_text_contents() == [
        "step 5,000",
        "step 5,000",
        "last sample: step 2,500",
    ]
    dialog.locator("#step").fill("2")
    assert dialog.locator("#side figcaption").all_text_contents() == ["step 1,000"] * 3
    images = dialog.locator("#side img").all()
    assert [image.get_attribute("src").split("/")[-1] for image in images] == ["step_001000.png"] * 3
    assert all(map(decoded, images))
    dialog.locator("#close").focus()
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("#side figcaption").all_text_contents() == ["step 500"] * 3
    assert "gp_lambda" in dialog.locator("#differences").text_content()
    assert dialog.locator(".chart").count() == 4
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_sweeps_page_shows_its_figures_and_curves(out: Path, visit: Visit) -> None:
    page = visit(out / "study" / "sweep.html")
    assert page.locator("#ranking tbody td").first.text_content() == "gp_lambda = 10"
    assert page.locator("section img").count() == 2
    assert all(map(decoded, page.locator("section img").all()))
    assert page.locator(".chart").count() == 4
    assert page.locator(".chart").first.locator(".swatch").count() == 4
    page.get_by_role("link", name="seed 42").first.click()
    assert page.locator("h1").text_content().startswith("digits-gp_lambda=10 ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(out: Path, visit: Visit, scheme: str) -> None:
    reports = [out / run / "report.html" for run in ("digits-gp_lambda=10", HOSTILE)]
    for path in (out / "index.html", out / "study" / "sweep.html", *reports):
        page = visit(path, width=360, height=740, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator("h1").is_visible()
        page.close()
    page = visit(out / "index.html", width=360, height=740, scheme=scheme)
    page.locator("#sort").select_option(label="SWD ↑")
    assert names(page)[0] == "digits-gp_lambda=10"
    for name in ("digits-gp_lambda=10", "digits-gp_lambda=1"):
        page.get_by_label(f"Compare {name}", exact=True).check()
    page.locator("#compare").click()
    assert page.locator("#comparison").evaluate("dialog => dialog.scrollWidth") <= 360


def test_markup_in_a_name_is_text(out: Path, visit: Visit) -> None:
    page = visit(out / "index.html")
    assert HOSTILE in names(page)
    page.get_by_label(f"Compare {HOSTILE}").check()
    page.get_by_label("Compare goes-on").check()
    page.locator("#compare").click()
    assert HOSTILE in page.locator("#side").text_content()
    assert all(map(decoded, page.locator("#side img").all())), "its grids are found under that name"
    assert HOSTILE in page.locator("#curves").text_content()
    report = visit(out / HOSTILE / "report.html")
    assert report.locator("h1").text_content().startswith(HOSTILE)
    assert HOSTILE in report.locator("#warnings").text_content()
    assert report.title() == HOSTILE


def test_without_scripts_the_pages_still_show_grid_and_table(out: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((out / "digits-gp_lambda=10" / "report.html").as_uri())
    assert page.locator("#sample").is_visible()
    assert page.get_by_text("real against real", exact=True).is_visible()
    page.goto((out / "index.html").as_uri())
    assert page.locator("#runs tbody tr").count() == 6
    context.close()
