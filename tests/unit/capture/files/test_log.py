import os
import time
from pathlib import Path
from typing import Any

import pytest

from trailmark_capture.files.log import Access, Disk, Files, accesses, classify, encode

NOW = 1_700_000_000.0


class Full(Disk):
    """A disk on which every file exists."""

    def exists(self, path: str) -> bool:
        return True


class Story:
    """Accesses to files of a project, which stand in the order in which they are told."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.told: list[Access] = []

    def __call__(self, op: str, path: str, to: str | None = None) -> "Story":
        whole = str(self.project / path)
        self.told.append(Access(NOW + len(self.told), 7, op, whole, str(self.project / to) if to else None))
        return self

    def end(self, **options: Any) -> Files:
        return classify(self.told, self.project, (), home=Path("/home/ada"), disk=Full(), **options)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "project"
    path.mkdir()
    return path


@pytest.fixture
def story(project: Path) -> Story:
    return Story(project)


def own(*paths: str) -> list[dict[str, object]]:
    return [{"path": path, "external": False} for path in paths]


def test_each_file_is_named_once_in_the_order_of_its_first_access(story: Story) -> None:
    story("r", "b.csv")("r", "a.csv")("r", "b.csv")("c", "out/2.csv")("c", "out/1.csv")("w", "out/2.csv")
    assert story.end() == Files(own("b.csv", "a.csv"), own("out/2.csv", "out/1.csv"), [])


def test_written_then_read_is_a_write(story: Story) -> None:
    assert story("c", "x")("r", "x").end() == Files([], own("x"), [])


def test_appended_to_then_read_is_both(story: Story) -> None:
    assert story("a", "x")("r", "x").end() == Files(own("x"), own("x"), [])


def test_read_then_written_is_both(story: Story) -> None:
    assert story("r", "x")("w", "x").end() == Files(own("x"), own("x"), [])
    assert story("rw", "y").end().reads == own("x", "y")


def test_an_atomic_save_is_a_write_of_the_target(story: Story) -> None:
    story("r", "a.csv")("c", ".a.csv.tmp")("d", "a.csv")("m", ".a.csv.tmp", "a.csv")
    assert story.end() == Files(own("a.csv"), own("a.csv"), [])


def test_a_chain_of_renamings_is_followed(story: Story) -> None:
    assert story("c", "1")("m", "1", "2")("m", "2", "3").end() == Files([], own("3"), [])
    assert story("m", "3", "4").end() == Files([], own("4"), [])


def test_a_moved_file_is_deleted_where_it_was(story: Story) -> None:
    assert story("m", "raw.csv", "input/raw.csv").end() == Files([], own("input/raw.csv"), ["raw.csv"])


def test_a_temporary_file_disappears(story: Story) -> None:
    assert story("c", "tmp1")("r", "tmp1")("d", "tmp1").end() == Files([], [], [])


def test_a_file_that_was_there_is_deleted(story: Story) -> None:
    assert story("r", "old")("d", "old")("w", "gone")("d", "gone").end() == Files(
        own("old"), [], ["old", "gone"]
    )


def test_deleted_and_made_again_is_a_write(story: Story) -> None:
    assert story("d", "x")("c", "x")("r", "x").end() == Files([], own("x"), [])


def test_a_renamed_folder_takes_its_files_along(story: Story, project: Path) -> None:
    (project / "new/deep").mkdir(parents=True)
    for name in ("new/known", "new/deep/unknown"):
        (project / name).touch()
    files = story("r", "old/known")("md", "old", "new").end()
    assert files.reads == own("old/known")
    assert {entry["path"] for entry in files.writes} == {"new/known", "new/deep/unknown"}
    assert set(files.deletes) == {"old/known", "old/deep/unknown"}


def test_a_folder_that_is_made_beside_and_put_in_place(story: Story, project: Path) -> None:
    (project / "data.zarr").mkdir()
    (project / "data.zarr/0").touch()
    assert story("c", "tmp.zarr/0")("md", "tmp.zarr", "data.zarr").end() == Files([], own("data.zarr/0"), [])


def test_accesses_of_several_processes_are_put_in_order(project: Path) -> None:
    late, early = Access(NOW + 2, 1, "w", f"{project}/x"), Access(NOW + 1, 2, "r", f"{project}/x")
    assert classify([late, early], project, disk=Full()) == Files(own("x"), own("x"), [])


def test_a_file_opened_to_write_and_left_as_it_was_is_no_write(project: Path) -> None:
    (project / "s.db").touch()
    (project / "log").touch()
    later = time.time() + 60
    opened = [Access(later, 1, "rw", f"{project}/s.db"), Access(later, 1, "w", f"{project}/log")]
    assert classify(opened, project) == Files(own("s.db"), [], [])
    before = [access._replace(time=time.time()) for access in opened]
    assert classify(before, project) == Files(own("s.db"), own("s.db", "log"), [])


def test_files_outside(project: Path, tmp_path: Path) -> None:
    data, made, gone = (str(tmp_path.resolve() / name) for name in ("data.csv", "made.csv", "gone.csv"))
    Path(made).touch()
    told = [
        Access(NOW, 1, "r", data),
        Access(NOW, 1, "c", made),
        Access(NOW, 1, "c", gone),
        Access(NOW, 1, "d", data),
    ]
    assert classify(told, project) == Files(
        [{"path": data, "external": True}], [{"path": made, "external": True}], []
    )


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/usr/share/fonts/x.ttf",
            "/etc/hosts",
            "/proc/1/stat",
            "/lib/x.so",
            "/env/lib/python3.11/json/decoder.py",
        ),
        *(
            "/opt/conda/lib/python3.12/site-packages/numpy/core.py",
            "/home/ada/R/x86_64-pc-linux-gnu-library/4.2/dplyr/x",
        ),
        *(
            "/home/ada/.bashrc",
            "/home/ada/.cache/x/y",
            "/home/ada/.config/matplotlib/rc",
            "/home/ada/.ipython/history",
        ),
        *(
            "/home/ada/.jupyter/x",
            "/home/ada/.local/share/jupyter/runtime/k.json",
            "/home/ada/.matplotlib/fontlist",
        ),
        *(
            "/data/code/__pycache__/m.cpython-311.pyc",
            "/data/repo/.git/index",
            "/data/.ipynb_checkpoints/a.ipynb",
        ),
        *("/env-here/x", "/data/lib/m.pyc"),
    ],
)
def test_what_is_no_ones_data_does_not_count(project: Path, path: str) -> None:
    told = [Access(NOW, 1, "r", path)]
    assert classify(told, project, ["/env-here"], home=Path("/home/ada")).reads == []


@pytest.mark.parametrize(
    "path",
    ["/data/x.csv", "/env-here2/x", "/home/ada/data/x", "/home/ada/.keras/datasets/mnist.npz", "/srv/usr/x"],
)
def test_data_elsewhere_counts(project: Path, path: str) -> None:
    told = [Access(NOW, 1, "r", path)]
    found = classify(told, project, ["/env-here"], home=Path("/home/ada")).reads
    assert found == [{"path": path, "external": True}]


def test_within_a_project_git_and_caches_do_not_count(story: Story) -> None:
    for path in (
        ".git/index",
        "code/.ipynb_checkpoints/a.ipynb",
        "code/__pycache__/x",
        "m.pyc",
    ):
        story("r", path)("c", path + "x.pyc")
    assert story.end() == Files([], [], [])


def test_a_project_counts_wherever_it_is(tmp_path: Path) -> None:
    project = tmp_path.resolve() / "x"
    told = [Access(NOW, 1, "r", f"{project}/.config/a"), Access(NOW, 1, "r", f"{project}x/b")]
    assert classify(told, project, [str(tmp_path)], home=project).reads == own(".config/a")


def test_a_compiled_module_stands_for_its_source(story: Story) -> None:
    story("r", "code/__pycache__/model.cpython-311.pyc")("c", "code/__pycache__/model.cpython-311.opt-1.pyc")
    assert story("r", "__pycache__/top.cpython-311.opt-2.pyc").end() == Files(
        own("code/model.py", "top.py"), [], []
    )


def test_a_program_of_the_project_is_read(story: Story) -> None:
    story("x", "bin/tool").told.append(Access(NOW, 1, "x", "/somewhere/python"))
    assert story.end().reads == own("bin/tool")


def test_what_is_no_longer_there_was_not_written(project: Path) -> None:
    told = [
        Access(NOW, 1, "c", f"{project}/tmp"),
        Access(NOW, 1, "r", f"{project}/__pycache__/m.cpython-311.pyc"),
    ]
    assert classify(told, project) == Files([], [], [])


def test_symbolic_links_to_folders_are_resolved(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.resolve() / "big"
    elsewhere.mkdir()
    (project / "data").symlink_to(elsewhere)
    (tmp_path / "alias").symlink_to(project)
    told = [Access(NOW, 1, "r", f"{project}/data/x"), Access(NOW, 1, "r", f"{tmp_path}/alias/y")]
    found = classify(told, tmp_path / "alias").reads
    assert found == [{"path": f"{elsewhere}/x", "external": True}, *own("y")]


def test_candidates_say_so(project: Path) -> None:
    told = [
        Access(NOW, 0, "r", f"{project}/a", candidate=True),
        Access(NOW, 0, "r", f"{project}/b", candidate=True),
        Access(NOW, 1, "r", f"{project}/b"),
    ]
    [a, b] = classify(told, project).reads
    assert a == {"path": "a", "external": False, "candidate": True}
    assert b == {"path": "b", "external": False}


def write(log: Path, *told: Access, torn: bytes = b"") -> None:
    with log.open("ab") as stream:
        stream.write(b"".join(map(encode, told)) + torn)


def at(seconds: float) -> Access:
    return Access(NOW + seconds, 1, "r", f"/x/{seconds}")


def test_a_span_of_time_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert accesses(log, 0, 0, NOW) == ([], 0)
    write(log, at(1), at(2), at(3), at(4))
    found, offset = accesses(log, 0, NOW + 2, NOW + 3)
    assert found == [at(2), at(3)]
    assert accesses(log, offset, NOW + 3.5, NOW + 9)[0] == [at(4)]
    assert accesses(log, offset, NOW + 3.5, NOW + 9)[1] == os.path.getsize(log)


def test_a_late_line_is_not_lost(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, at(1), at(5), at(2))
    found, offset = accesses(log, 0, NOW, NOW + 3)
    assert found == [at(1), at(2)]
    assert accesses(log, offset, NOW + 4, NOW + 9)[0] == [at(5)]


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = encode(at(2))
    write(log, at(1), torn=whole[:20])
    found, offset = accesses(log, 0, 0, NOW + 9)
    assert found == [at(1)]
    write(log, torn=whole[20:])
    assert accesses(log, offset, 0, NOW + 9)[0] == [at(2)]


def test_damaged_lines_are_skipped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(
        log, at(1), torn=b"1.0\t7\tr\n\n\xff\xfe\n1\t2\tq\t/x\n1\t2\tm\t/x\nx\t2\tr\t/x\n1\t2\tr\trelative\n"
    )
    write(log, at(2))
    assert accesses(log, 0, 0, NOW + 9)[0] == [at(1), at(2)]


def test_a_span_in_which_the_clock_was_set_back_has_what_came_before_and_after(tmp_path: Path) -> None:
    log = tmp_path / "log"
    times = (90.0, 100.0, 101.0, 41.0, 42.0, 43.0)
    log.write_bytes(b"".join(encode(Access(at, 1, "c", f"/p/{at:.0f}")) for at in times))
    found, _ = accesses(log, 0, 100.0, 42.0)
    assert [access.path for access in found] == ["/p/100", "/p/101", "/p/41", "/p/42"]
    assert [access.path for access in accesses(log, 0, 41.0, 42.5)[0]] == ["/p/41", "/p/42"]
