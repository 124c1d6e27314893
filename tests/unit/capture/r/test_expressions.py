import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from trailmark_capture.r.environment import environment_for
from trailmark_capture.shell.spool import SpoolReader

from .conftest import SECRET, Desk, figures, text

pytestmark = pytest.mark.needs("R")


def test_each_expression_is_one_entry(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "x <- 6 # six", "x * 7", "y <- 1; y + 1; 'three'", "f <- function(n) {", "  # twice", "  2 * n", "}"
    )
    console.run("", "# only a remark", "f(4)")
    assert console.leave() == 0
    found = desk.ended()
    assert [(entry["code"], entry["status"], text(entry)) for entry in found] == [
        ("x <- 6 # six", "ok", ""),
        ("x * 7", "ok", "[1] 42\n"),
        ("y <- 1", "ok", ""),
        ("y + 1", "ok", "[1] 2\n"),
        ("'three'", "ok", '[1] "three"\n'),
        ("f <- function(n) {\n  # twice\n  2 * n\n}", "ok", ""),
        ("f(4)", "ok", "[1] 8\n"),
        ("q()", "ok", ""),
    ]
    first = found[0]
    assert (first["kind"], first["language"], first["tool"]) == ("expression", "r", "rstudio")
    assert (first["session"], first["environment"], first["actor"]) == ("S1", "lock", "person")
    assert first["cwd"] == str(desk.project)
    times = [time for entry in found for time in (entry["started"], entry["ended"])]
    assert times == sorted(times)
    assert len({entry["id"] for entry in found}) == len(found)


def test_an_entry_comes_once_and_its_notes_go(desk: Desk) -> None:
    console = desk.start()
    console.run("1 + 1")
    assert desk.drain() == 1
    assert desk.drain() == 0
    assert not list(desk.config.shell.glob("*/*.expression"))
    console.run("2 + 2")
    assert desk.drain() == 1
    assert [entry["code"] for entry in desk.entries()] == ["1 + 1", "2 + 2"]


def test_an_error_has_its_message_and_traceback(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "f <- function(n) stop('too large: ', n)",
        "g <- function(n) f(n)",
        "g(3)",
        "nowhere",
        "x y",
        "1 +",
        "*",
    )
    console.run("3")
    console.leave()
    found = {entry["code"]: entry for entry in desk.ended()}
    failed = found["g(3)"]
    assert failed["status"] == "error"
    assert failed["error"]["name"] == "Error in f(n) "
    assert failed["error"]["value"] == "too large: 3"
    assert failed["error"]["traceback"].splitlines()[0] == "Error in f(n) : too large: 3"
    assert [line[:7] for line in failed["error"]["traceback"].splitlines()[1:]] == [
        "3: stop",
        "2: f(n)",
        "1: g(3)",
    ]
    assert text(failed, "stderr") == ""
    assert found["nowhere"]["error"]["value"] == "object 'nowhere' not found"
    assert (found["x y"]["status"], found["1 +\n*"]["status"]) == ("error", "error")
    assert found["x y"]["error"]["value"] == 'unexpected symbol in "x y"'
    assert found["3"]["status"] == "ok"


def test_the_same_error_twice_is_an_error_twice(desk: Desk) -> None:
    console = desk.start()
    console.run("stop('no')", "stop('no')", "try(stop('caught'), silent = TRUE)", "geterrmessage()")
    console.leave()
    found = desk.ended()
    assert [entry["status"] for entry in found] == ["error", "error", "ok", "ok", "ok"]
    assert "caught" in text(found[3])


def test_messages_and_warnings_belong_to_their_expression(desk: Desk) -> None:
    console = desk.start()
    late = "h <- function() { warning('late'); cat('first\\n'); message('said'); invisible() }"
    console.run(late, "h()", "options(warn = 1)", "h()", "options(warn = 2)", "h()", "4")
    console.leave()
    found = desk.ended()
    assert [entry["status"] for entry in found] == ["ok"] * 5 + ["error", "ok", "ok"]
    deferred, at_once, turned = found[1], found[3], found[5]
    assert text(deferred) == "first\n"
    assert text(deferred, "stderr") == "said\nWarning message:\nIn h() : late\n"
    assert text(at_once, "stderr").startswith("Warning in h() : late\nsaid\n")
    assert [output["name"] for output in at_once["outputs"]] == ["stderr", "stdout", "stderr"]
    assert [output["group"] for output in at_once["outputs"]] == [0, 1, 2]
    assert turned["error"]["value"] == "(converted from warning) late"


def test_an_interrupted_expression_is_told_from_a_failed_one(desk: Desk) -> None:
    console = desk.start()
    console.run("stop('before')")
    console.send("{ cat('here\\n'); Sys.sleep(60) }\n")
    console.wait_for("here\r\n")
    time.sleep(0.2)
    console.interrupt()
    console.wait_for("> ")
    console.send("1 +\n")
    console.wait_for("+ ")
    console.interrupt()
    console.wait_for("> ")
    console.run("5")
    console.leave()
    found = desk.ended()
    assert [entry["status"] for entry in found] == ["error", "interrupted", "ok", "ok"]
    assert found[1]["error"] is None
    assert text(found[1]) == "here\n"
    assert text(found[1], "stderr") == ""


def test_what_runs_is_announced_and_lost_when_r_is_killed(desk: Desk) -> None:
    console = desk.start()
    console.run("1")
    console.send("{ cat('before\\n'); writeLines('a', 'made.txt'); cat('wrote\\n'); Sys.sleep(60) }\n")
    console.wait_for("wrote\r\n")
    assert desk.drain() == 1
    begin = desk.entries()[-1]
    assert (begin["type"], begin["pid"]) == ("begin", console.pid)
    assert begin["code"].startswith("{ cat('before")
    console.kill()
    lost = desk.ended()[-1]
    assert (lost["id"], lost["status"], text(lost)) == (begin["id"], "lost", "before\nwrote\n")
    if desk.config.shim is not None:
        assert [file["path"] for file in lost["writes"]] == ["made.txt"]
    assert desk.drain() == 0


def test_files_are_those_of_their_expression(desk: Desk) -> None:
    if desk.config.shim is None:
        pytest.skip("the shim was not built: there is no C compiler, or this is no Linux")
    (desk.project / "in.csv").write_text("a,b\n1,2\n")
    console = desk.start()
    console.run("t <- read.csv('in.csv')", "write.csv(t, 'out.csv'); system('cp out.csv copy.csv')")
    desk.drain()
    console.run("unlink('copy.csv')")
    console.leave()
    found = {entry["code"]: entry for entry in desk.ended()}
    assert [file["path"] for file in found["t <- read.csv('in.csv')"]["reads"]] == ["in.csv"]
    assert [file["path"] for file in found["write.csv(t, 'out.csv')"]["writes"]] == ["out.csv"]
    copied = found["system('cp out.csv copy.csv')"]
    assert [file["path"] for file in copied["reads"]] == ["out.csv"]
    assert [file["path"] for file in copied["writes"]] == ["copy.csv"]
    assert found["unlink('copy.csv')"]["deletes"] == ["copy.csv"]
    assert copied["files_by"] == "shim"


def test_a_file_that_stays_open_is_left_to_who_closes_it(desk: Desk) -> None:
    if desk.config.shim is None:
        pytest.skip("the shim was not built: there is no C compiler, or this is no Linux")
    reader = SpoolReader(desk.config)
    console = desk.start()
    for line in ("c <- file('slow.txt', 'w')", "writeLines('x', c)", "close(c)"):
        console.run(line)
        reader.drain()
    found = [entry["writes"] for entry in desk.entries()]
    assert found[0] == [{"path": "slow.txt", "external": False, "open": True}]
    assert found[2] == [{"path": "slow.txt", "external": False}]


def test_secrets_are_blacked_out(desk: Desk) -> None:
    console = desk.start()
    console.run(f"key <- '{SECRET}'", "cat(key, '\\n')", "stop(key)")
    console.leave()
    desk.drain()
    assert SECRET not in repr(desk.entries())
    assert text(desk.ended()[1]) == "[secret API_KEY] \n"


def test_answers_are_not_kept(desk: Desk) -> None:
    console = desk.start()
    console.send("a <- readline('Password? ')\n")
    console.wait_for("Password? ")
    console.run("hunter2")
    console.send("b <- scan(n = 1, quiet = TRUE); nchar(a)\n")
    console.wait_for("1: ")
    console.run("424242")
    console.send("c <- readLines(stdin(), n = 1)\n")
    time.sleep(0.3)
    console.run("swordfish")
    console.leave()
    found = desk.ended()
    assert [entry["code"] for entry in found] == [
        "a <- readline('Password? ')",
        "b <- scan(n = 1, quiet = TRUE)",
        "nchar(a)",
        "c <- readLines(stdin(), n = 1)",
        "q()",
    ]
    for answer in ("hunter2", "424242", "swordfish"):
        assert answer not in repr(found)


def test_the_browser_belongs_to_the_expression_that_called_it(desk: Desk) -> None:
    console = desk.start()
    console.run("f <- function() { browser(); cat('on\\n'); 1 }", "f()")
    console.run("secretly <- 2", "(", "secretly)", "c", "7")
    console.leave()
    found = desk.ended()
    assert [entry["code"] for entry in found] == [
        "f <- function() { browser(); cat('on\\n'); 1 }",
        "f()",
        "7",
        "q()",
    ]
    assert [entry["status"] for entry in found] == ["ok"] * 4
    assert text(found[1]).endswith("on\n[1] 1\n")


def test_large_output_is_cut(desk: Desk) -> None:
    desk.config = replace(desk.config, max_output_bytes=20_000)
    console = desk.start()
    console.run("for (i in 1:9000) cat('line', i, '\\n')", "message(strrep('e', 30000))")
    console.leave()
    large, message, _ = desk.ended()
    [output] = large["outputs"]
    assert len(output["text"]) <= 20_000
    assert output["text"].startswith("line 1 \n")
    assert output["text"].endswith("line 9000 \n")
    assert output["truncated"]["bytes"] == sum(len(f"line {i} \n") for i in range(1, 9001))
    assert message["outputs"][0]["truncated"]["bytes"] == 30_001


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_other_letters_than_english_ones(desk: Desk, locale: str) -> None:
    console = desk.start("R", "--quiet", "--no-save", "--no-readline", LANG=locale)
    console.run("'größe' -> x; cat('Füße 😀\\n')", "message('héllo')", "stop('ошибка')")
    console.leave()
    found = desk.ended()
    assert [entry["code"] for entry in found[:2]] == ["'größe' -> x", "cat('Füße 😀\\n')"]
    assert text(found[1]) == "Füße 😀\n"
    assert text(found[2], "stderr") == "héllo\n"
    assert found[3]["error"]["value"] == "ошибка"


def test_a_sink_of_the_persons_is_theirs(desk: Desk) -> None:
    console = desk.start()
    console.run("sink('log.txt')", "1 + 1", "sink()", "2 + 2", "sink.number()", "capture.output(print('in'))")
    console.leave()
    found = desk.ended()
    assert [text(entry) for entry in found[:5]] == ["", "", "", "[1] 4\n", "[1] 0\n"]
    assert (desk.project / "log.txt").read_text() == "[1] 2\n"


def test_quit_in_the_middle_of_a_line_ends_its_expression(desk: Desk) -> None:
    console = desk.start()
    assert console.leave("x <- 1; quit(status = 3); y <- 2") == 3
    assert [(entry["code"], entry["status"]) for entry in desk.ended()] == [
        ("x <- 1", "ok"),
        ("quit(status = 3)", "ok"),
    ]


def test_children_are_part_of_their_expression(desk: Desk) -> None:
    console = desk.start()
    console.run(
        "system2('Rscript', c('-e', shQuote('plot(1); cat(Sys.getenv(\"R_PROFILE\"))')), stdout = TRUE)"
    )
    console.run("parallel::mclapply(1:2, function(n) n + 1, mc.cores = 2)[[2]]")
    console.leave()
    found = desk.ended()
    assert [entry["status"] for entry in found] == ["ok", "ok", "ok"]
    assert figures(found[0]) == 0
    assert "profile.R" not in text(found[0])
    assert text(found[1]).endswith("[1] 3\n")


def test_the_profiles_of_site_and_project_are_read(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "site.R").write_text("from_site <- 'site'\n'shown'\n")
    (desk.project / ".Rprofile").write_text("from_project <- paste(from_site, 'project')\n")
    console = desk.start(R_PROFILE=str(tmp_path / "site.R"))
    console.run("from_project", "Sys.getenv('R_PROFILE')", "ls()", "getOption('repos')")
    console.leave()
    found = desk.ended()
    assert text(found[0]) == '[1] "site project"\n'
    assert str(tmp_path / "site.R") in text(found[1])
    assert text(found[2]) == '[1] "from_project" "from_site"   \n'
    assert b'[1] "shown"' in console.screen


def test_a_broken_profile_of_the_site_stops_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "site.R").write_text("stop('broken site')\n")
    console = desk.start(R_PROFILE=str(tmp_path / "site.R"))
    console.run("1 + 1")
    console.leave()
    assert b"broken site" in console.screen
    assert text(desk.ended()[0]) == "[1] 2\n"


@pytest.mark.parametrize("folder", ["gone", "full"])
def test_r_works_when_nothing_can_be_noted(desk: Desk, folder: str) -> None:
    console = desk.start()
    for path in desk.config.shell.iterdir():
        path.rename(path.with_suffix(".away"))
        if folder == "full":
            path.write_text("")
    console.run("1 + 1", "stop('no')", "plot(1)", "3")
    assert console.leave("q(status = 4)") == 4
    assert b"[1] 2" in console.screen
    assert b"[1] 3" in console.screen
    assert console.screen.count(b"rror") == 1


def test_the_console_of_a_script_is_left_alone(desk: Desk) -> None:
    (desk.project / "s.R").write_text("x <- 1\nprint(x)\n")
    environ = {**desk.environ, **environment_for(desk.config, "r", desk.environ)}
    done = subprocess.run(
        ["Rscript", "s.R"], env=environ, cwd=desk.project, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[1] 1\n", "")
    assert desk.ended() == []


def test_options_of_r_that_leave_profiles_out_leave_capture_out(desk: Desk) -> None:
    console = desk.start("R", "--vanilla", "--quiet")
    console.run("1 + 1")
    console.leave()
    assert desk.ended() == []


def test_output_without_end_does_not_fill_the_disk(desk: Desk) -> None:
    typed = (
        "x <- strrep('filling ', 1000)\n"
        "for (i in 1:6000) cat(i, x, '\\n', file = if (i %% 5) stdout() else stderr())\n"
        "1 + 1\n"
    )
    environ = {**desk.environ, **environment_for(desk.config, "r", desk.environ)}
    argv = ["R", "--interactive", "--no-readline", "--quiet", "--no-save"]
    subprocess.run(
        argv, input=typed.encode(), cwd=desk.project, env=environ, stdout=subprocess.DEVNULL, check=True
    )
    noted = [path.stat().st_size for path in desk.config.shell.glob("*/*.expression")]
    assert 32_000_000 < max(noted) < 40_000_000
    _, loud, after = desk.ended()
    assert (loud["status"], after["status"], text(after)) == ("ok", "ok", "[1] 2\n")
    [cut] = [output for output in loud["outputs"] if "truncated" in output]
    whole = [output for output in loud["outputs"] if "truncated" not in output]
    assert 48_000_000 < cut["truncated"]["bytes"] + sum(len(output["text"]) for output in whole) < 49_000_000
    assert cut["truncated"]["sha256"] == ""
    assert "the middle is not kept" in cut["text"]
    assert loud["outputs"][0]["text"].startswith("1 filling ")
    assert any("5999 filling" in output["text"] for output in loud["outputs"][-3:])


def test_one_who_removes_the_callback_is_recorded_as_before(desk: Desk) -> None:
    console = desk.start()
    console.run("removeTaskCallback('trailmark')", "6 * 7", "stop('no')", "x <- 1; x + 1")
    console.run(
        "invisible(removeTaskCallback('trailmark')); 8", "stop('no')", "removeTaskCallback('trailmark')"
    )
    console.run("9")
    found = [(entry["code"], entry["status"], text(entry)) for entry in desk.ended()]
    assert found == [
        ("removeTaskCallback('trailmark')", "ok", "[1] TRUE\n"),
        ("6 * 7", "ok", "[1] 42\n"),
        ("stop('no')", "error", ""),
        ("x <- 1", "ok", ""),
        ("x + 1", "ok", "[1] 2\n"),
        ("invisible(removeTaskCallback('trailmark')); 8", "ok", "[1] 8\n"),
        ("stop('no')", "error", ""),
        ("removeTaskCallback('trailmark')", "ok", "[1] TRUE\n"),
        ("9", "ok", "[1] 9\n"),
    ]
