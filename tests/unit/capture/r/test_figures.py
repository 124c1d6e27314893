import base64
import struct
import subprocess
from pathlib import Path

import pytest

from trailmark_capture.r.environment import for_run
from trailmark_capture.r.expressions import figures as noted_figures
from trailmark_capture.shared import SharedFolder

from .conftest import Desk, figures

pytestmark = pytest.mark.needs("R")
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def run_script(desk: Desk, code: str, into: Path) -> "subprocess.CompletedProcess[str]":
    (desk.project / "s.R").write_text(code)
    environ = {**desk.environ, **for_run(into, desk.environ)}
    return subprocess.run(
        ["Rscript", "s.R"], env=environ, cwd=desk.project, capture_output=True, text=True, check=False
    )


def test_a_figure_belongs_to_its_expression(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "plot(1:10)", "x <- 1", "lines(10:1)", "par(mfrow = c(1, 2))", "plot(1); plot(2)", "dev.off()"
    )
    console.leave()
    found = desk.ended()
    assert [(entry["code"], figures(entry)) for entry in found] == [
        ("plot(1:10)", 1),
        ("x <- 1", 0),
        ("lines(10:1)", 1),
        ("par(mfrow = c(1, 2))", 0),
        ("plot(1)", 1),
        ("plot(2)", 1),
        ("dev.off()", 0),
        ("q()", 0),
    ]
    [picture] = found[0]["outputs"]
    data = base64.b64decode(picture["base64"])
    assert data.startswith(SIGNATURE)
    width, height = struct.unpack(">II", data[16:24])
    assert abs(width - 7 * 96) <= 1
    assert width == height
    assert [path.name for path in desk.project.iterdir()] == ["Rplots.pdf"]


def test_each_page_of_an_expression_is_a_figure(desk: Desk) -> None:
    console = desk.start()
    console.run("for (n in 1:3) { plot(n); lines(1:2) }", "{ par(mfrow = c(1, 2)); for (n in 1:4) plot(n) }")
    console.run("for (n in 1:120) plot(n)")
    console.leave()
    assert [figures(entry) for entry in desk.ended()] == [3, 2, 50, 0]


def test_each_device_of_rs_own_has_a_page(desk: Desk) -> None:
    console = desk.start()
    console.run("plot(1)", "dev.new()", "plot(2); lines(1:2)", "dev.set(2)", "lines(1:2)", "dev.set(3)")
    console.run("dev.off()", "dev.new()", "plot(3)")
    console.leave()
    assert [figures(entry) for entry in desk.ended()] == [1, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0]


def test_figures_of_grid_graphics(desk: Desk) -> None:
    console = desk.start()
    console.run("library(grid)", "{ grid.newpage(); grid.circle() }", "grid.newpage()", "grid.text('hello')")
    console.leave()
    assert [figures(entry) for entry in desk.ended()] == [0, 1, 0, 1, 0]


def test_figures_of_ggplot(desk: Desk) -> None:
    console = desk.start()
    console.run("ok <- suppressWarnings(requireNamespace('ggplot2', quietly = TRUE))")
    console.run("if (ok) print(ggplot2::ggplot(cars, ggplot2::aes(speed, dist)) + ggplot2::geom_point())")
    console.run("ok")
    console.leave()
    found = desk.ended()
    if found[2]["outputs"][0]["text"] != "[1] TRUE\n":
        pytest.skip("not installed: r-cran-ggplot2")
    assert [figures(entry) for entry in found] == [0, 1, 0, 0]


def test_a_late_error_takes_no_other_figure(desk: Desk) -> None:
    console = desk.start()
    console.run("{ plot(1:3); stop('after the figure') }", "stop('alone')", "plot(3:1)", "2", "stop('late')")
    console.leave()
    found = desk.ended()
    assert [figures(entry) for entry in found] == [1, 0, 1, 0, 0, 0]
    assert [entry["status"] for entry in found] == ["error", "error", "ok", "ok", "error", "ok"]


def test_a_device_of_the_persons_is_theirs(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "png('mine.png')", "plot(1:3); dev.cur()", "dev.off()", "pdf('mine.pdf')", "plot(1)", "lines(1:2)"
    )
    console.run("dev.off()", "dev.cur()")
    console.leave()
    found = desk.ended()
    assert [figures(entry) for entry in found] == [0] * len(found)
    assert sorted(path.name for path in desk.project.iterdir()) == ["mine.pdf", "mine.png"]
    assert (desk.project / "mine.png").read_bytes().startswith(SIGNATURE)


def test_the_persons_own_page_stays_as_it_was(desk: Desk) -> None:
    lines = (
        "par(mfrow = c(1, 2)); plot(1:3); abline(h = 2)",
        "plot(3:1, main = 'second')",
        "text(2, 2, 'here'); set.seed(1); plot(rnorm(3))",
        "dev.off(); runif(1)",
    )
    pages = []
    for start in (desk.plain, desk.start):
        console = start()
        console.run(*lines)
        console.leave()
        pages.append(without_dates(desk.project / "Rplots.pdf"))
        (desk.project / "Rplots.pdf").unlink()
    assert pages[0] == pages[1]


def without_dates(path: Path) -> bytes:
    lines = path.read_bytes().splitlines()
    return b"\n".join(line for line in lines if not line.startswith((b"/CreationDate", b"/ModDate")))


def test_no_device_is_opened_where_r_opens_none(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "1", "library(grid)", "stop('x')", "p <- function() plot(1)", "try(plot(nothing), silent = TRUE)"
    )
    console.leave()
    desk.drain()
    assert list(desk.project.iterdir()) == []


def test_a_script_has_its_figures_noted(desk: Desk, tmp_path: Path) -> None:
    into = tmp_path / "noted"
    done = run_script(desk, "plot(1)\nlines(1:2)\nplot(2)\ncat('done\\n')\nhist(c(1, 2))\n", into)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    noted = noted_figures(SharedFolder(into))
    assert len(noted) == 3
    assert all((into / name).read_bytes().startswith(SIGNATURE) for name in noted)


@pytest.mark.parametrize("last", ["stop('no')", "quit(status = 5)"])
def test_a_script_that_ends_early_has_its_figures_noted(desk: Desk, tmp_path: Path, last: str) -> None:
    plain = subprocess.run(
        ["Rscript", "-e", f"plot(1); {last}"],
        env=desk.environ,
        cwd=desk.project,
        capture_output=True,
        text=True,
    )
    (desk.project / "Rplots.pdf").unlink()
    done = run_script(desk, f"plot(1)\n{last}\nplot(2)\n", tmp_path / "noted")
    assert done.returncode == plain.returncode
    assert done.stderr == plain.stderr
    assert len(noted_figures(SharedFolder(tmp_path / "noted"))) == 1
    assert (desk.project / "Rplots.pdf").exists()


def test_a_script_that_draws_nothing_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    done = run_script(desk, "cat(1, '\\n')\n", tmp_path / "noted")
    assert done.stdout == "1 \n"
    assert noted_figures(SharedFolder(tmp_path / "noted")) == []
    assert [path.name for path in desk.project.iterdir()] == ["s.R"]
