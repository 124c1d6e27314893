"""What a person sees is the same with capture and without it."""

import re
import subprocess

import pytest

from trailmark_capture.r.environment import environment_for

from .conftest import Desk, R, text

pytestmark = pytest.mark.needs("R")
LINES = """
x <- c(b = 1, a = 2); x; x * 2
f <- function(n) {
  if (n == 0) stop("bottom") else f(n - 1)
}
f(3)
traceback()
geterrmessage()
f <-
  2; f
warning("one"); warning("two")
for (i in 1:3) warning("loop ", i)
warnings()
h <- function() { warning("w"); message("m"); cat("c\\n"); invisible(7) }
h()
.Last.value
options(warn = 1); h()
options(warn = 2); h()
options(warn = 0)
x y
'unfinished
string'
tryCatch(stop("in"), error = function(e) cat("caught", conditionMessage(e), "\\n"), finally = cat("finally\\n"))
withCallingHandlers(message("hello"), message = function(m) { cat("seen\\n"); invokeRestart("muffleMessage") })
try(log(-1)); try(log("a"))
g <- function() { on.exit(cat("left\\n")); stop("g") }
g()
r <- function() r(); r()
options(error = quote(cat("handler\\n"))); stop("with a handler"); options(error = NULL)
options(show.error.messages = FALSE); stop("silent"); options(show.error.messages = TRUE)
sink("s.txt"); print(1); sink(); sink.number(); sink()
capture.output(print(1:3), message("to errors"))
suppressWarnings({ warning("x"); 3 })
message(strrep("long ", 4000))
cat(strrep("wide ", 4000), "\\n")
print(1:400)
ls()
search()
dev.cur(); plot(1:3); dev.list(); lines(3:1); dev.cur(); dev.off()
set.seed(42); runif(2); plot(runif(5)); runif(2)
exists(".Random.seed")
getHook("plot.new")
Sys.getenv(c("R_PROFILE", "R_PROFILE_USER"))
commandArgs()
getOption("repos")
invisible(5)
NULL
(function() invisible(3))()
{ cat("no newline"); 1 }
environmentName(environment()); sys.nframe(); sys.calls()
signalCondition(simpleError("only signalled"))
own <- structure(class = c("custom", "error", "condition"), list(message = "mine", call = NULL))
rlang_like <- function() stop(own)
rlang_like()
nchar(Sys.time()) > 0
local({ warning("local"); 9 })
readline("ask: ")
answer
invokeRestart("abort")
globalCallingHandlers()
quit(status = 7)
"""


def session(desk: Desk, environ: "dict[str, str]") -> tuple[int, str, str]:
    """Run the lines through an interactive R without a terminal; return exit code, output and errors."""
    done = subprocess.run(
        [*R, "--interactive", "--no-readline"],
        input=LINES,
        env=environ,
        cwd=desk.project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (desk.project / "Rplots.pdf").unlink(missing_ok=True)
    # How deep the stack was when it ended is nobody's business.
    return done.returncode, done.stdout, re.sub(r"stack usage +\d+", "stack usage", done.stderr)


def test_a_session_shows_the_same(desk: Desk) -> None:
    plain = session(desk, desk.environ)
    noted = session(desk, {**desk.environ, **environment_for(desk.config, "r", desk.environ)})
    assert noted[0] == plain[0] == 7
    assert noted[1].splitlines() == plain[1].splitlines()
    assert noted[2].splitlines() == plain[2].splitlines()
    found = desk.ended()
    assert found[-1]["code"] == "quit(status = 7)"
    assert not [entry for entry in found if "answer" in entry["code"]]
    statuses = {entry["code"]: entry["status"] for entry in found}
    assert statuses['stop("silent")'] == "error"
    assert statuses['signalCondition(simpleError("only signalled"))'] == "ok"
    assert statuses["rlang_like()"] == statuses["r()"] == statuses["f(3)"] == "error"
    shown = "".join(text(entry) for entry in found)
    assert re.search(r"caught in \nfinally\n", shown)


@pytest.mark.parametrize("option", [(), ("--no-echo",)])
def test_other_ways_to_start_show_the_same(desk: Desk, option: tuple[str, ...]) -> None:
    environ = {**desk.environ, **environment_for(desk.config, "r", desk.environ)}
    shown = [
        subprocess.run(
            ["R", "--no-save", *option], input="1 + 1\nstop('x')\n2\n", env=env, cwd=desk.project,
            capture_output=True, text=True, check=False,
        )
        for env in (desk.environ, environ)
    ]  # fmt: skip
    assert shown[0].returncode == shown[1].returncode == 1
    assert shown[0].stdout.splitlines() == shown[1].stdout.splitlines()
    assert shown[0].stderr.splitlines() == shown[1].stderr.splitlines()


def test_a_program_that_embeds_r_is_followed(desk: Desk, embedder: str) -> None:
    home = subprocess.run(["R", "RHOME"], capture_output=True, text=True, check=True).stdout.strip()
    lines = "x <- 1; x + 1\nf <- function() {\n  stop('inside')\n}\nf()\nwarning('w')\nplot(1:3)\nmessage('m')\n" \
        "a <- readline('who? ')\nada\nx y\nprint('ü')\n2 + 2\n"  # fmt: skip
    plain = {**desk.environ, "R_HOME": home}
    shown = [
        subprocess.run(
            [embedder], input=lines, env=environ, cwd=desk.project, capture_output=True, text=True, check=True
        ).stdout
        for environ in (plain, {**plain, **environment_for(desk.config, "rsession", plain)})
    ]
    assert shown[0] == shown[1]
    found = desk.ended()
    assert [(entry["code"], entry["status"]) for entry in found] == [
        ("x <- 1", "ok"),
        ("x + 1", "ok"),
        ("f <- function() {\n  stop('inside')\n}", "ok"),
        ("f()", "error"),
        ("warning('w')", "ok"),
        ("plot(1:3)", "ok"),
        ("message('m')", "ok"),
        ("a <- readline('who? ')", "ok"),
        ("x y", "error"),
        ("print('ü')", "ok"),
        ("2 + 2", "ok"),
    ]
    assert text(found[1]) == "[1] 2\n"
    assert found[3]["error"]["value"] == "inside"
    assert text(found[4], "stderr") == "Warning message:\nw \n"
    assert [output["mime"] for output in found[5]["outputs"]] == ["image/png"]
    assert "ada" not in repr(found)
    assert found[0]["tool"] == "rstudio"
