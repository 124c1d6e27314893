"""What code loads: Python of any version, R, notebooks of every format, and the sample repositories whole."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.environments.detect import FolderText, detect, detect_imports
from trailmark.environments.detect.distributions import distributions, find_gone, find_package
from trailmark.environments.detect.notebooks import UnreadableNotebook, read_markdown, read_notebook
from trailmark.environments.detect.pycode import Statement, read_python
from trailmark.environments.detect.pytokens import read_lines
from trailmark.environments.detect.rcode import read_r

SAMPLES = Path(__file__).parents[2] / "samples" / "repositories"
PIECES = [
    "import",
    "from",
    "a",
    ".",
    ",",
    "(",
    ")",
    ":",
    ";",
    "\n",
    "'",
    '"',
    "\\",
    "#",
    "try",
    "except",
    "`",
    "{r}",
]
NAMES = sorted(path.stem for path in SAMPLES.glob("*.toml") if path.stem != "ruff")


def modules(code: str) -> list[str]:
    return [statement.module for statement in read_python(code).statements]


class TestPythonOfAnotherTime:
    def test_it_is_read_by_its_tokens(self) -> None:
        code = (
            "# import comment\n'''\nimport docstring\n'''\nprint 'import text', x\n"
            "import os, sys; import a.b as c\nfrom d.e import (f,\n    g as h)\nfrom i \\\n  import j\n"
            "from . import k\nfrom .l import m\nif x: import n\ns = \"it's # import o\"\nexec 'import p'\n"
        )
        read = read_python(code)
        assert read.is_python2
        assert read.statements == (
            Statement("os"),
            Statement("sys"),
            Statement("a.b"),
            Statement("d.e", ("f", "g")),
            Statement("i", ("j",)),
            Statement("n"),
        )

    @pytest.mark.parametrize(
        "line",
        [
            "print 'x'",
            "print x",
            "exec 'x'",
            "raise E, 'x'",
            "try:\n    pass\nexcept E, e:\n    pass",
            "a <> b",
            "`a`",
        ],
    )
    def test_it_is_told_from_what_is_only_broken(self, line: str) -> None:
        assert read_python(f"import a\n{line}\n").is_python2
        assert modules(f"import a\n{line}\n") == ["a"]

    @pytest.mark.parametrize(
        "line", ["print('x')", "x = (", "def f(:", "raise E('a', 'b')", "%magic", "print = 1"]
    )
    def test_what_is_only_broken_is_not_old(self, line: str) -> None:
        assert not read_python(f"import a\n{line}\n$\n").is_python2

    def test_what_the_code_can_do_without_is_told(self) -> None:
        new = (
            "try:\n    import a\nexcept ImportError:\n    import b\n"
            "try:\n    import c\nexcept ValueError:\n    pass\nif sys.version_info[0] < 3:\n    import d\n"
            "def f():\n    import e\n"
        )
        expected = {"a": True, "b": True, "c": False, "d": True, "e": False}
        for code in (new, new + "print 'x'\n"):
            assert {one.module: one.optional for one in read_python(code).statements} == expected

    def test_an_open_bracket_or_string_swallows_no_more_than_it_must(self) -> None:
        assert read_lines("x = '''never closed\nimport a")[0].statements == (("x", "=", "''"),)
        assert modules("print 'x\nimport a\n") == ["a"]

    @given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES)).map(" ".join))
    def test_any_text_can_be_read(self, text: str) -> None:
        read_lines(text)
        read_python(text)
        read_r(text)
        read_markdown(text)

    def test_long_files_are_read_in_time(self) -> None:
        assert len(modules("print 'x'\n" + "if a:\n    import b\n" * 20_000)) == 20_000
        assert modules("print 'x'\nf(" + "(" * 50_000) == []
        read_r("library(" * 20_000 + "c(" * 20_000)
        read_markdown("```{r}\n" * 5_000 + "`r " * 5_000)


class TestR:
    def test_every_way_to_load(self) -> None:
        code = """
        library(a1); library("b1", quietly = TRUE); require('c1')
        suppressPackageStartupMessages(library(d1))
        # library(not1)
        x <- "text # library(not2)"; y <- "# not a comment"; library(e1)
        f1::g(); h1:::i(); stats::lm(y ~ x); "j::k"
        loadNamespace("l1"); if (requireNamespace("m1", quietly = TRUE)) NULL
        library(pkg, character.only = TRUE)
        pacman::p_load(n1, "o1", install = FALSE)
        lapply(c("p1", "q1"), library, character.only = TRUE)
        wanted <- c('r1', "s1"); sapply(wanted, require, character.only = TRUE)
        for (p in c("t1")) library(p, character.only = TRUE)
        """
        found = {package.name: package.optional for package in read_r(code)}
        assert set(found) - {"stats", "pacman"} == {f"{letter}1" for letter in "abcdefhlmnopqrst"}
        assert [name for name, optional in found.items() if optional] == ["m1"]

    def test_what_comes_with_r_does_not_count(self) -> None:
        assert detect_imports({"a.R": "library(stats)\ngrid::unit(1)\nlibrary(MASS)"}).r == ("MASS",)

    def test_files_that_declare_r_come_first(self) -> None:
        files = {"a.R": "library(dplyr)", "DESCRIPTION": "Package: x\nImports: tidyr\n"}
        assert detect(files).r == ()
        assert detect({"a.R": "library(dplyr)"}).r == ("dplyr",)
        assert detect({"a.R": "library(dplyr)"}).sources == ("imports",)


class TestNotebooks:
    def test_every_format(self) -> None:
        old = [{"cell_type": "code", "input": "import a", "language": "python"}]
        v2 = {"nbformat": 2, "metadata": {}, "worksheets": [{"cells": old}]}
        v3 = {
            "nbformat": 3,
            "metadata": {"name": ""},
            "worksheets": [{"cells": [{**old[0], "input": ["import ", "b"]}]}],
        }
        v4 = {
            "nbformat": 4,
            "metadata": {"language_info": {"name": "python", "version": "2.7.6"}},
            "cells": [
                {"cell_type": "code", "source": ["import c\n", "import d"]},
                {"cell_type": "raw", "source": "x"},
            ],
        }
        read = [read_notebook(json.dumps(notebook)) for notebook in (v2, v3, v4)]
        assert [cell.code for notebook in read for cell in notebook.cells] == [
            "import a",
            "import b",
            "import c\nimport d",
        ]
        assert [notebook.version for notebook in read] == [None, None, "2.7.6"]
        found = detect_imports({"x.ipynb": json.dumps(v4)}).code
        assert (found.python2, found.pythons) == (["x.ipynb"], [(2, 7)])

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"worksheets": [3]}', "{" * 9])
    def test_what_is_no_notebook(self, text: str) -> None:
        with pytest.raises(UnreadableNotebook):
            read_notebook(text)

    def test_magics_load_too_and_cells_have_languages(self) -> None:
        cells = [
            "%pylab inline",
            "%load_ext rpy2.ipython\n%autoreload 2",
            "%%R -i x\nlibrary(vegan)",
            "%%bash\nimport x",
        ]
        notebook = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "metadata": {}}
        found = detect_imports({"x.ipynb": json.dumps(notebook)}).code
        assert found.packages("python") == ("matplotlib", "numpy", "rpy2")
        assert found.packages("r") == ("vegan",)

    def test_a_notebook_in_r_and_markdown_with_both(self) -> None:
        notebook = {
            "cells": [{"cell_type": "code", "source": "library(a)\nimport b"}],
            "metadata": {"kernelspec": {"name": "ir", "language": "R"}},
        }
        assert [cell.language for cell in read_notebook(json.dumps(notebook)).cells] == ["r"]
        chunks = (
            "```{r fit, echo=FALSE}\nlibrary(aa)\n```\n~~~{python}\nimport b\n~~~\n```r\nlibrary(cc)\n```\n"
        )
        text = f"Text `r scales::comma(1)`\n{chunks}"
        assert [cell.language for cell in read_markdown(text)] == ["r", "python", "r"]
        found = detect_imports({"x.qmd": text}).code
        assert [one.module for one in found.imports] == ["b", "aa", "scales"]


class TestMapping:
    @pytest.mark.parametrize(
        ("module", "package"),
        [
            ("cv2", "opencv-python"),
            ("sklearn.svm", "scikit-learn"),
            ("yaml", "pyyaml"),
            ("PIL.Image", "pillow"),
            ("bs4", "beautifulsoup4"),
            ("skimage.io", "scikit-image"),
            ("Crypto.Cipher", "pycryptodome"),
            ("dateutil.parser", "python-dateutil"),
            ("osgeo.gdal", "gdal"),
            ("mpl_toolkits.mplot3d", "matplotlib"),
            ("mpl_toolkits.basemap", "basemap"),
            ("google.cloud.storage", "google-cloud-storage"),
            ("google.protobuf.message", "protobuf"),
            ("six.moves", "six"),
            ("numpy", "numpy"),
            ("google.unheard", None),
            ("our_own_thing", None),
        ],
    )
    def test_names_that_differ(self, module: str, package: str | None) -> None:
        assert find_package(module) == package

    def test_the_names_taken_can_tell_the_package(self) -> None:
        found = detect_imports({"a.py": "from google.cloud import storage, bigquery"})
        assert found.request.packages == ("google-cloud-bigquery",)

    def test_what_came_to_an_end(self) -> None:
        gone = find_gone("sklearn.externals", ("joblib",))
        assert gone is not None
        assert (gone.package, gone.versions) == ("scikit-learn", "<0.23")
        assert find_gone("sklearn.externals", ("other",)) is None
        assert find_gone("sklearn.cross_validation.deeper") == find_gone("sklearn.cross_validation")

    def test_the_table_is_sound(self) -> None:
        table = distributions()
        assert not table.r_base & table.bioconductor
        assert all(find_package(module) for module in table.python)
        assert all(gone.now for gone in table.gone.values())

    def test_own_modules_do_not_count_but_a_well_known_name_elsewhere_does(self) -> None:
        files = {
            "code/fit.py": "import tools, plots.style, seaborn, helpers",
            "code/tools.py": "",
            "code/plots/style.py": "",
            "other/seaborn/plot.py": "",
            "lib2/helpers.py": "",
        }
        assert [one.module for one in detect_imports(files).code.imports] == ["seaborn"]
        beside = {"code/fit.py": "import seaborn", "code/seaborn.py": ""}
        assert detect_imports(beside).code.imports == ()


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_sample_repository_loads_is_found(name: str) -> None:
    truth = tomllib.loads((SAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
    found = detect_imports(FolderText(SAMPLES / name)).code
    python = {
        one.module: (one.package or "").lower()
        for one in found.imports
        if one.language == "python" and one.kind in ("package", "unknown")
    }
    assert python == truth.get("python", {})
    old = {one.module for one in found.imports if one.kind == "python2" and not one.optional}
    assert old == set(truth.get("python2", {}).get("names", []))
    assert set(found.packages("r")) == set(truth.get("r", {}).get("names", []))
