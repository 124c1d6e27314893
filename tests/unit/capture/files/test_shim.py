import errno
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from trailmark_capture import files
from trailmark_capture.files import LOG_VARIABLE, shim_works
from trailmark_capture.files.log import accesses


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]


C = """
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
c.fopen.restype = c.fopen64.restype = c.freopen.restype = c.freopen64.restype = ctypes.c_void_p
c.fopen.argtypes = c.fopen64.argtypes = [ctypes.c_char_p] * 2
c.freopen.argtypes = c.freopen64.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
c.truncate.argtypes = c.truncate64.argtypes = [ctypes.c_char_p, ctypes.c_long]
R, W, RW = os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_RDWR | os.O_CREAT
HERE = -100
"""


def test_python_reads_and_writes(traced: Any, folder: Path) -> None:
    (folder / "in.csv").write_text("1")
    (folder / "log.txt").write_text("1")
    assert traced(
        python(
            """
            open("in.csv").read()
            open("out.csv", "w").write("1")
            open("out.csv", "w").write("2")
            open("out.csv").read()
            open("log.txt", "a").write("1")
            open("log.txt", "r+").write("1")
            open("fresh.txt", "x").write("1")
            open("both.txt", "w+").write("1")
            open("empty.txt", "a+").close()
            """
        )
    ) == [
        ("r", "in.csv"),
        ("c", "out.csv"),
        ("w", "out.csv"),
        ("r", "out.csv"),
        ("a", "log.txt"),
        ("rw", "log.txt"),
        ("c", "fresh.txt"),
        ("c", "both.txt"),
        ("c", "empty.txt"),
    ]


@pytest.mark.parametrize(
    ("call", "noted"),
    [
        ("c.open(b'f', R)", [("r", "f")]),
        ("c.open(b'n', W, 0o640)", [("c", "n")]),
        ("c.open64(b'f', W)", [("w", "f")]),
        ("c.open(b'f', RW)", [("rw", "f")]),
        ("c.open(b'empty', RW)", [("w", "empty")]),
        ("c.open(b'f', RW | os.O_TRUNC)", [("w", "f")]),
        ("c.__open_2(b'f', R)", [("r", "f")]),
        ("c.__open64_2(b'f', R)", [("r", "f")]),
        ("c.openat(HERE, b'f', R)", [("r", "f")]),
        ("c.openat64(c.open(b'sub', os.O_DIRECTORY), b'g', R)", [("r", "sub/g")]),
        ("c.__openat_2(HERE, b'f', R)", [("r", "f")]),
        ("c.__openat64_2(HERE, b'f', R)", [("r", "f")]),
        ("c.creat(b'n', 0o600)", [("c", "n")]),
        ("c.creat64(b'f', 0o600)", [("w", "f")]),
        ("c.fopen(b'f', b'r')", [("r", "f")]),
        ("c.fopen(b'f', b're')", [("r", "f")]),
        ("c.fopen64(b'f', b'rb+')", [("rw", "f")]),
        ("c.fopen(b'f', b'w')", [("w", "f")]),
        ("c.fopen(b'n', b'a')", [("c", "n")]),
        ("c.fopen64(b'n', b'wx')", [("c", "n")]),
        ("c.fopen(b'f', b'a')", [("a", "f")]),
        ("c.open(b'f', os.O_WRONLY)", [("a", "f")]),
        ("c.freopen(b'f', b'r', c.fopen(b'empty', b'r'))", [("r", "empty"), ("r", "f")]),
        ("c.freopen64(b'n', b'w', c.fopen(b'f', b'r'))", [("r", "f"), ("c", "n")]),
        ("c.unlink(b'f')", [("d", "f")]),
        ("c.unlinkat(HERE, b'f', 0)", [("d", "f")]),
        ("c.unlinkat(HERE, b'void', 0x200)", []),
        ("c.remove(b'f')", [("d", "f")]),
        ("c.remove(b'void')", []),
        ("c.rename(b'f', b'n')", [("m", "f -> n")]),
        ("c.rename(b'f', b'empty')", [("d", "empty"), ("m", "f -> empty")]),
        ("c.renameat(HERE, b'f', HERE, b'sub/n')", [("m", "f -> sub/n")]),
        ("c.renameat2(HERE, b'sub', HERE, b'other', 1)", [("md", "sub -> other")]),
        ("c.renameat2(HERE, b'f', HERE, b'empty', 2)", [("rw", "f"), ("rw", "empty")]),
        ("c.link(b'f', b'n')", [("r", "f"), ("c", "n")]),
        ("c.linkat(HERE, b'f', HERE, b'n', 0)", [("r", "f"), ("c", "n")]),
        ("c.symlink(b'f', b'n')", [("c", "n")]),
        ("c.symlinkat(b'f', HERE, b'n')", [("c", "n")]),
        ("c.truncate(b'f', 0)", [("w", "f")]),
        ("c.truncate64(b'f', 1)", [("a", "f")]),
        ("c.open(b'.', R)", []),
        ("c.open(b'sub', os.O_DIRECTORY)", []),
        ("c.open(b'f', os.O_PATH)", []),
        ("c.open(b'absent', R)", []),
        ("c.open(b'f', RW | os.O_EXCL)", []),
        ("c.fopen(b'absent', b'r')", []),
        ("c.unlink(b'absent')", []),
        ("c.rename(b'absent', b'n')", []),
        ("c.open(b'/dev/null', R)", []),
        ("c.open(b'/proc/self/stat', R)", []),
        ("c.open(b'pipe', os.O_RDWR)", []),
        ("c.open(b'./sub//../sub/./g', R)", [("r", "sub/g")]),
        ("c.open(b'link', R)", [("r", "f")]),
        ("c.open(b'f\\x00', R)", [("r", "f")]),
        ("c.open(b'tab\\tline\\nback\\\\sep\\x1f', W, 0o600)", [("c", "tab\tline\nback\\sep\x1f")]),
        ("c.open(b'latin\\xe9', W, 0o600)", [("c", "latin\udce9")]),
    ],
)
def test_functions_of_the_c_library(traced: Any, folder: Path, call: str, noted: list[Any]) -> None:
    (folder / "sub").mkdir()
    (folder / "void").mkdir()
    for name in ("f", "sub/g"):
        (folder / name).write_text("content")
    (folder / "empty").touch()
    (folder / "link").symlink_to("f")
    os.mkfifo(folder / "pipe")
    assert traced(python(C + call)) == noted


@pytest.mark.parametrize(
    "name", ["mkstemp", "mkstemp64", "mkostemp", "mkostemp64", "mkstemps", "mkostemps64"]
)
def test_temporary_files(traced: Any, name: str) -> None:
    suffix = ", 4" if "temps" in name else ""
    flags = ", 0" if "mko" in name else ""
    [(op, path)] = traced(
        python(
            f"{C}\nassert c.{name}(ctypes.create_string_buffer(b'aXXXXXX.txt'){suffix}{flags}) > 2"
            if suffix
            else f"{C}\nassert c.{name}(ctypes.create_string_buffer(b'aXXXXXX'){flags}) > 2"
        )
    )
    assert op == "c"
    assert path.startswith("a")
    assert "XXXXXX" not in path


def test_a_file_without_a_name_is_noted_when_it_gets_one(traced: Any) -> None:
    assert traced(
        python(
            C + "fd = c.open(b'.', os.O_TMPFILE | os.O_WRONLY, 0o600)\n"
            "assert fd > 2\n"
            "assert c.linkat(-100, b'/proc/self/fd/%d' % fd, -100, b'named', 0x400) == 0"
        )
    ) == [("c", "named")]


def test_errno_and_results_are_those_of_the_system(traced: Any, folder: Path) -> None:
    (folder / "f").touch()
    traced(
        python(
            C
            + f"""
def failed(result, expected):
    assert result == -1 and ctypes.get_errno() == expected, (result, ctypes.get_errno())
failed(c.open(b'absent', R), {errno.ENOENT})
failed(c.open(b'f/x', R), {errno.ENOTDIR})
failed(c.open(b'f', RW | os.O_EXCL), {errno.EEXIST})
failed(c.open(None, R), {errno.EFAULT})
failed(c.open(1, R), {errno.EFAULT})
failed(c.open(b'', R), {errno.ENOENT})
failed(c.open(b'x' * 5000, W, 0o600), {errno.ENAMETOOLONG})
failed(c.openat(77, b'f', R), {errno.EBADF})
failed(c.rename(b'absent', b'f'), {errno.ENOENT})
failed(c.rename(None, None), {errno.EFAULT})
failed(c.unlink(None), {errno.EFAULT})
failed(c.unlink(b'.'), {errno.EISDIR})
failed(c.link(b'f', b'f'), {errno.EEXIST})
failed(c.truncate(b'absent', 0), {errno.ENOENT})
ctypes.set_errno(77)
os.close(c.open(b'f', R))
assert c.open(b'new', W, 0o604) > 0 and ctypes.get_errno() == 77
assert os.stat('new').st_mode & 0o777 == 0o604
"""
        ),
        umask=0,
    )


def test_no_descriptor_is_kept_or_shifted(traced: Any) -> None:
    traced(
        python(
            """
            import os
            before = os.listdir("/proc/self/fd")
            assert [os.open("a", os.O_CREAT | os.O_WRONLY) for _ in range(3)] == [3, 4, 5]
            os.closerange(0, 100)
            assert [os.open("b", os.O_CREAT | os.O_RDWR) for _ in range(3)] == [0, 1, 2]
            """
        )
    )


def test_children_threads_and_pools(traced: Any, folder: Path) -> None:
    for number in range(8):
        (folder / f"in{number}").write_text("1")
    noted = traced(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import multiprocessing, subprocess, threading
                def work(number):
                    open(f"in{number}").read()
                    open(f"out{number}", "w").close()
                if __name__ == "__main__":
                    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
                    [t.start() for t in threads]; [t.join() for t in threads]
                    with multiprocessing.get_context("fork").Pool(2) as pool: pool.map(work, [3, 4])
                    subprocess.run(["cp", "in5", "out5"], check=True)
                    subprocess.run("cat in6 | tee out6 > /dev/null; cat < in7 > out7", shell=True, check=True)
                """
            ),
        ]
    )
    assert sorted(noted) == sorted(
        [*(("r", f"in{n}") for n in range(8)), *(("c", f"out{n}") for n in range(8))]
    )


def test_many_threads_write_whole_lines(traced: Any) -> None:
    noted = traced(
        python(
            """
            import threading
            def work(number):
                for turn in range(200):
                    open(f"{number}-{turn}-" + "x" * 200, "w").close()
            threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
            [t.start() for t in threads]; [t.join() for t in threads]
            """
        )
    )
    assert len(set(noted)) == len(noted) == 8_000


def test_a_signal_handler_may_open_files(traced: Any) -> None:
    noted = traced(
        python(
            C
            + """
import signal
seen = 0
def handle(*_):
    global seen
    seen += 1
    open(f'handled{seen}', 'w').close()
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for number in range(5000):
    os.close(c.open(b'plain', W, 0o600))
signal.setitimer(signal.ITIMER_REAL, 0)
"""
        )
    )
    assert sum(path == "plain" for _, path in noted) == 5_000
    assert any(path.startswith("handled") for _, path in noted)


def test_a_limit_on_file_sizes_does_no_harm(traced: Any, tmp_path: Path) -> None:
    (tmp_path / "files.log").unlink(missing_ok=True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    noted = traced(python("for n in range(200): open(f'{n}', 'w').close()"), preexec_fn=limit)
    assert 0 < len(noted) < 200


def test_a_log_that_cannot_be_written_does_no_harm(traced: Any, folder: Path, tmp_path: Path) -> None:
    assert (
        traced(python("open('x', 'w').close()"), env={LOG_VARIABLE: str(tmp_path / "absent" / "log")}) == []
    )
    assert traced(python("open('x', 'w').close()"), env={LOG_VARIABLE: ""}) == []
    assert traced(python("open('x', 'w').close()"), env={LOG_VARIABLE: "relative"}) == []
    assert (folder / "x").exists()


def test_excluded_folders_are_not_noted(traced: Any, folder: Path) -> None:
    for name in ("data", "database"):
        (folder / name).mkdir()
        (folder / name / "f").touch()
    env = {"TRAILMARK_FILES_EXCLUDE": f":/usr/::{folder}/data/:"}
    code = "open('data/f'); open('database/f'); import os; os.rename('data/f', 'g')"
    assert traced(python(code), env=env) == [("r", "database/f"), ("m", "data/f -> g")]


def test_a_program_of_the_project_is_noted(traced: Any, folder: Path) -> None:
    shutil.copy("/bin/cat", folder / "tool")
    (folder / "f").touch()
    assert traced([str(folder / "tool"), "f"]) == [("x", "tool"), ("r", "f")]


def test_times_are_taken_before_the_call(shim: str, folder: Path) -> None:
    log = folder / "log"
    environ = {"LD_PRELOAD": shim, LOG_VARIABLE: str(log)}
    subprocess.run(["/bin/sh", "-c", "echo 1 > f"], cwd=folder, env=environ, check=True)
    [noted] = [access for access in accesses(log, 0, 0, 1e12)[0] if access.path.endswith("/f")]
    assert noted.time < (folder / "f").stat().st_ctime + 0.02


def test_the_shim_tests_itself(shim: str, tmp_path: Path) -> None:
    assert shim_works(shim)
    assert not shim_works(str(tmp_path / "absent.so"))
    (tmp_path / "broken.so").write_bytes(b"\x7fELF")
    assert not shim_works(str(tmp_path / "broken.so"))


def test_a_path_that_ld_preload_cannot_hold_is_linked(
    shim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "with space"
    folder.mkdir()
    shutil.copy(shim, folder / "_shim.so")
    path = files._loadable(folder / "_shim.so")
    assert path is not None
    assert " " not in path
    assert shim_works(path)
    assert files._loadable(folder / "_shim.so") == path
    (tmp_path / f"trailmark-{os.getuid()}").chmod(0o777)
    assert files._loadable(folder / "_shim.so") is None


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.machine() not in ("x86_64", "aarch64"),
    reason="only glibc on these machines has versions of its names that go further back",
)
def test_it_needs_no_newer_c_library_than_old_images_have(shim: str) -> None:
    content = Path(shim).read_bytes()
    assert max(int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", content)) <= 17
    assert b"libdl.so.2" in content
