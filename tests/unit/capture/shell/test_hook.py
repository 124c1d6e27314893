import re
import shutil
import time

import pytest

from trailmark_capture.shell.notes import End


def texts(ended: list[End]) -> list[str]:
    return [end.text for end in ended]


def test_each_command_is_noted(start, config) -> None:
    terminal = start()
    before = time.time()
    end = terminal.run("echo one two")
    assert (end.text, end.exit, end.folder, end.hidden) == ("echo one two", "0", str(config.project), "0")
    assert before - 0.01 < end.begin.started <= end.ended < time.time()
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", end.id)
    assert terminal.run("(exit 3)").exit == "3"
    assert terminal.run("false | true").exit == "0"
    assert len({end.id for end in terminal.ended()}) == 3
    assert [end.id for end in terminal.ended()] == sorted(end.id for end in terminal.ended())


def test_an_id_says_when(start) -> None:
    end = start().run(":")
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    at = 0
    for char in end.id[:10]:
        at = at * 32 + digits.index(char)
    assert at == int(end.start) // 1000


def test_an_empty_line_is_no_command(start) -> None:
    terminal = start()
    terminal.send("\n\n   \n# a comment\n\x03\n")
    assert terminal.run("echo after").text == "echo after"
    assert [text for text in texts(terminal.ended()) if not text.startswith("#")] == ["echo after"]


def test_multi_line_commands_keep_their_lines(start) -> None:
    terminal = start()
    terminal.send("for n in 1 2; do\n  echo $n\n")
    assert "echo $n" in terminal.run("done").text
    terminal.send("cat > x <<'END'\nfirst\n\n  second\n")
    end = terminal.run("END")
    assert end.text == "cat > x <<'END'\nfirst\n\n  second\nEND"


def test_an_interrupted_command(start) -> None:
    terminal = start()
    terminal.send("sleep 60; echo no\n")
    terminal.wait(lambda: terminal.begun() == ["sleep 60; echo no"])
    time.sleep(0.2)
    terminal.send("\x03")
    terminal.wait(lambda: len(terminal.ended()) == 1)
    assert (terminal.ended()[0].exit, terminal.ended()[0].status) == ("130", "interrupted")
    assert terminal.run("echo on").text == "echo on"


def test_the_begin_is_noted_at_once(start) -> None:
    terminal = start()
    terminal.send("sleep 60 | cat\n")
    terminal.wait(lambda: "sleep 60 | cat" in terminal.begun())
    assert terminal.ended() == []


def test_what_the_history_leaves_out_is_not_kept_either(start) -> None:
    terminal = start("HISTCONTROL=ignoreboth")
    assert terminal.run("echo a").text == "echo a"
    assert (terminal.run(" echo secret").text, terminal.ended()[-1].hidden) == ("echo", "1")
    assert (terminal.run(" TOKEN=1 echo secret").text, terminal.ended()[-1].hidden) == ("", "1")
    assert (terminal.run(" export TOKEN=1").text, terminal.ended()[-1].hidden) == ("export", "1")
    assert terminal.run("echo a").text == "echo a"
    assert terminal.run("echo a").text == "echo a"
    assert b"secret" not in terminal.spool.read_bytes()
    assert b"TOKEN" not in terminal.spool.read_bytes()


def test_history_that_erases_ignores_and_stops(start) -> None:
    terminal = start("HISTCONTROL=erasedups:ignoredups; HISTIGNORE='ls*:pwd'")
    for command in ("echo a", "echo b", "echo a", "echo a"):
        assert terminal.run(command).text == command
    assert terminal.run("ls -a").hidden == "1"
    assert terminal.run("echo c").text == "echo c"
    assert terminal.run("set +o history").text == "set +o history"
    assert (terminal.run("echo d").text, terminal.ended()[-1].hidden) == ("echo", "1")
    terminal.run("set -o history")
    assert terminal.run("echo e").text == "echo e"


def test_times_in_the_history_and_a_shared_history(start) -> None:
    terminal = start("HISTTIMEFORMAT='%F %T '; PROMPT_COMMAND='history -a; history -c; history -r'")
    assert terminal.run("echo 12  34").text == "echo 12  34"
    assert terminal.run("  echo x").text == "  echo x"
    assert terminal.run("(echo sub)").text == "(echo sub)"
    assert terminal.run("(echo sub2)").text == "(echo sub2)"


def test_the_persons_own_settings_work_on(start) -> None:
    terminal = start(
        """
        alias greet='echo hello from an alias'
        PROMPT_COMMAND='seen=$?; prompts=$((prompts + 1))'
        PS0='[own \\! ps0]'
        """
    )
    assert terminal.run("greet").text == "greet"
    terminal.wait_for("hello from an alias")
    terminal.wait_for("ps0]")
    terminal.run("(exit 7)")
    terminal.run("echo prompts=$prompts seen=$seen")
    terminal.wait_for("prompts=3 seen=7")


def test_settings_that_are_arrays_or_come_later(start) -> None:
    terminal = start("PROMPT_COMMAND=('one=$?' 'two=$?')")
    terminal.run("(exit 5)")
    terminal.run("echo one=$one two=$two")
    terminal.wait_for("one=5 two=5")
    terminal.run("PROMPT_COMMAND='late=$?'; PS0='late ps0'")
    assert terminal.run("(exit 6)").exit == "6"
    assert terminal.run("echo late=$late").text == "echo late=$late"
    terminal.wait_for("late=6")
    terminal.wait_for("late ps0")


def test_what_a_command_sees_is_as_without_the_hook(start) -> None:
    terminal = start()
    terminal.run("echo first last")
    terminal.run('echo "<$_>"')
    terminal.wait_for("<last>")
    terminal.run("(exit 9)")
    terminal.run('echo "<$?>"')
    terminal.wait_for("<9>")
    terminal.run("false | true | (exit 4)")
    terminal.run('echo "<${PIPESTATUS[@]}>"')
    terminal.wait_for("<1 0 4>")
    terminal.run('echo "<${TRAILMARK_SHELL_SPOOL-unset}>"; env | grep -c __trailmark')
    terminal.wait_for("<unset>")
    terminal.run("echo traps=$(trap -p | grep -c DEBUG)")
    terminal.wait_for("traps=0")


def test_a_debug_trap_of_the_persons_own_works_on(start) -> None:
    terminal = start()
    terminal.run("trap 'seen=$((seen + 1))' DEBUG")
    assert terminal.run("echo a").text == "echo a"
    assert terminal.run("(echo b)").text == "(echo b)"
    terminal.run("[[ $seen -gt 1 ]] && echo own trap works")
    terminal.wait_for("own trap works")
    terminal.run("trap - DEBUG")
    terminal.run(":")
    terminal.send("sleep 60\n")
    terminal.wait(lambda: "sleep 60" in terminal.begun())


def test_careful_settings_do_no_harm(start) -> None:
    terminal = start("set -u; set -o noclobber; IFS=:; shopt -s extdebug nullglob; set -o functrace")
    for command in ("echo a", "(echo b)", "false", "echo c | cat"):
        assert terminal.run(command).text == command
    assert b"unbound" not in terminal.screen
    assert b"overwrite" not in terminal.screen


def test_a_spool_that_cannot_be_written_does_no_harm(start) -> None:
    terminal = start()
    terminal.run("echo a")
    shutil.rmtree(terminal.spool.parent)
    terminal.send("echo gone; echo $((40 + 2))\n")
    terminal.wait_for("42")
    terminal.send("echo $((50 + 3))\n")
    terminal.wait_for("53")
    assert b"No such file" not in terminal.screen


def test_the_screen_is_marked_for_a_tap(start) -> None:
    terminal = start()
    end = terminal.run("echo out; false")
    terminal.wait_for("133;D;")
    found = re.search(rb"\x1b\]133;C\x07(.*?)\x1b\]133;D;1;trailmark=(\w+)\x07", terminal.screen, re.DOTALL)
    assert found is not None
    assert found[1].split() == [b"out"]
    assert found[2].decode() == end.id


def test_a_plain_terminal_gets_no_marks(start) -> None:
    terminal = start(TERM="dumb")
    terminal.run("echo out")
    assert b"\x1b]133" not in terminal.screen


def test_the_projects_environment_stays_first(start, tmp_path) -> None:
    terminal = start("PATH=/manager/shims:$PATH", VIRTUAL_ENV=str(tmp_path / "env"))
    terminal.run('echo "<${PATH%%:*}>"')
    terminal.wait_for(f"<{tmp_path / 'env'}/bin>")


@pytest.mark.needs("strace")
def test_no_process_is_started(start, tmp_path) -> None:
    log = tmp_path / "strace"
    terminal = start(under=["strace", "-f", "-q", "-o", str(log), "-e", "trace=clone,clone3,fork,vfork"])
    for command in ("echo a", "echo a", "cd /", "x=1", "for n in 1 2; do :; done"):
        terminal.run(command)
    assert "fork" not in log.read_text()
    assert "clone" not in log.read_text()
    terminal.run("(echo one)")
    assert log.read_text().count("clone") == 1


def test_shells_within_are_not_noted_twice(start) -> None:
    terminal = start()
    terminal.send("bash --norc\n")
    terminal.wait(lambda: "bash --norc" in terminal.begun())
    terminal.send("echo inner\nexit\n")
    terminal.wait(lambda: len(terminal.ended()) == 1)
    assert texts(terminal.ended()) == ["bash --norc"]
