"""Pages of what is under way: drawn at the start and the end, and between them at a bounded cost."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from wgan.reporting import live
from wgan.reporting.live import LivePage, Pages, draw_all
from wgan.runs.run_dir import Run


@pytest.mark.parametrize(("cost", "first_cost"), [(0.02, 0.0), (0.7, 1.0), (30.0, 0.0)])
def test_a_page_follows_every_row_while_that_is_cheap_and_never_costs_more_than_its_share(
    cost: float, first_cost: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, drawn = [0.0], []
    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def draw() -> None:
        drawn.append(clock[0])
        clock[0] += cost

    page = LivePage(Path("page.html"), draw, first_cost)
    rows = 0
    while clock[0] < 86_400:
        draw_all([page])
        clock[0] += 10  # a row of the log
        rows += 1
    assert (drawn[0] == 0) == (first_cost == 0)
    assert cost * (len(drawn) - 2 + live.WARM) <= live.MAX_COST * drawn[-1]
    assert len(drawn) == pytest.approx(min(rows, 86_400 * live.MAX_COST / cost), rel=0.05, abs=2)


def test_one_that_cannot_be_drawn_is_drawn_again_no_sooner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, tries = [0.0], []
    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def fail() -> None:
        tries.append(clock[0])
        clock[0] += 3
        raise OSError("no room")

    page = LivePage(Path("page.html"), fail)
    for _ in range(300):
        draw_all([page])
        clock[0] += 10
    assert tries == [0, 253, 1256, 2259]
    assert "page.html: not brought up to date: no room" in capsys.readouterr().err


def test_the_first_drawing_of_a_training_leaves_the_slow_curves_out_and_the_last_leaves_nothing_out(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "out" / "run")
    run.directory.mkdir(parents=True)
    run.config.write_text(f"arch: WGAN-GP\nout: {tmp_path / 'out'}\n")
    pages = Pages(run)
    pages.draw(last=False)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["config.yaml", "index.html", "report.html"]
    assert "../index.html" in (run.directory / "report.html").read_text(), "it stands there already"
    pages.draw(last=True)
    assert (run.directory / "loss_plot.png").exists()
