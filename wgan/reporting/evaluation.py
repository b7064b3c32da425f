"""What an evaluation tells: the answer first, then its table; on a terminal, as JSON, as a page with the pictures."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from textwrap import fill
from typing import NamedTuple, Self

from wgan.config.metrics import ranking_keys
from wgan.metrics.comparison import HEADER, comparison_dict, comparison_table, differences
from wgan.metrics.report import Report
from wgan.reporting.pages import link_if_there, render
from wgan.reporting.pictures import read_png
from wgan.reporting.verdict import Course, compared, verdict
from wgan.utils.atomic_io import write_text

WIDTH = 80  # columns of a terminal
_CAPTIONS = {
    "nearest_neighbours": "generated images (first column) and the training images nearest to each",
    "confusion": "the class that was asked for, and the class that a classifier sees",
    "class_counts": "how many images of each class a classifier sees",
}
_PICTURES = {
    f"{name}{suffix}.png": f"{suffix[1:]}{': ' * bool(suffix)}{caption}"
    for name, caption in _CAPTIONS.items()
    for suffix in ("", "_A", "_B")
}


class Findings(NamedTuple):
    """Of one set of generated images, or of two."""

    names: Sequence[str]
    answer: Sequence[str]  # the verdict, in lines
    header: Sequence[str]  # of the table
    rows: Sequence[Sequence[str]]
    sections: Sequence[str]  # the heading that each row stands under
    notes: Sequence[str]
    text: str  # all of it for a terminal
    values: Mapping[str, object]  # for metrics.json

    @classmethod
    def of(cls, names: Sequence[str], reports: Sequence[Report]) -> Self:
        """What one report says, or what the second says beside the first."""
        first, *others = reports
        if others:
            found = differences(first, *others)
            by_key = {d.first.key: d for d in found}
            answer = list(filter(None, [compared(by_key[key] for key in ranking_keys(by_key))]))
            rows, sections = [d.row() for d in found], [d.first.section for d in found]
            notes = list(dict.fromkeys(note for report in reports for note in report.notes))
            table, values = comparison_table(names, first, *others), comparison_dict(names, first, *others)
            header: Sequence[str] = HEADER
        else:
            answer = verdict({metric.key: metric for metric in first.metrics}, Course({}, 0.0))
            header, rows, sections = first.HEADER, first.rows(), [metric.section for metric in first.metrics]
            notes, table, values = [*first.notes], first.as_table(), {"name": names[0], **first.as_dict()}
        told = "".join(f"{fill(line, WIDTH, subsequent_indent='  ')}\n" for line in answer)
        text = told + "\n" * bool(answer and table) + table
        return cls(names, answer, header, rows, sections, notes, text, values)


def write_evaluation(folder: Path, out: Path, findings: Findings) -> Path:
    """Write report.html, with the pictures that lie there, into the evaluation's directory; `out` has the index."""
    grouped = [
        (section, [row for _, row in found])
        for section, found in groupby(zip(findings.sections, findings.rows, strict=True), key=itemgetter(0))
    ]
    text = render(
        "evaluation.html.j2",
        title=folder.name,
        index=link_if_there(out / "index.html", folder),
        pictures=[(caption, picture) for name, caption in _PICTURES.items() if (picture := read_png(folder / name))],
        sections=grouped,
        found=findings,
    )
    write_text(folder / "report.html", text)
    return folder / "report.html"
