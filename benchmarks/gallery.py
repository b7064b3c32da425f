"""How long the index of many runs takes to write and to open in a headless chromium.

python benchmarks/gallery.py out/digits --runs 500
Copies one finished run under other seeds and lambdas; needs playwright and chromium (tests/requirements.txt).
"""

import argparse
import os
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from wgan.reporting.gallery import write_index

FILES = ("log.csv", "state.json", "metrics.json")


def copies(run: Path, out: Path, count: int) -> None:
    """Fill `out` with runs that share the files of `run`, each with a configuration of its own."""
    config = (run / "config.yaml").read_text(encoding="utf-8")
    for number in range(count):
        folder = out / f"run-{number:03d}"
        (folder / "samples").mkdir(parents=True)
        for path in [*(run / name for name in FILES), *(run / "samples").glob("step_*.png")]:
            os.link(shutil.copy(path, out) if number == 0 else out / path.name, folder / path.relative_to(run))
        own = re.sub(r"^seed: .*", f"seed: {number % 5}", config, flags=re.MULTILINE)
        own = re.sub(r"^gp_lambda: .*", f"gp_lambda: {1 + number // 5}", own, flags=re.MULTILINE)
        (folder / "config.yaml").write_text(own, encoding="utf-8")


def main() -> None:
    """Print size and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        out = Path(folder)
        copies(options.run, out, options.runs)
        start = time.perf_counter()
        index = write_index(out)
        print(
            f"{options.runs} runs: {index.stat().st_size / 1e6:.1f} MB, written in {time.perf_counter() - start:.1f} s"
        )
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        seconds = []
        for _ in range(options.repeats):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            start = time.perf_counter()
            page.goto(index.as_uri())
            seconds.append(time.perf_counter() - start)
            page.close()
        print(f"opened in {statistics.median(seconds):.2f} s (median; {min(seconds):.2f} .. {max(seconds):.2f})")
        browser.close()


if __name__ == "__main__":
    main()
