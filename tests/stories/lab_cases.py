"""The cells of the JupyterLab story: what is typed, and what the trail must hold of it afterwards."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One cell. `reads` and `writes` are the project's files that it touches; `mimes` what it shows."""

    id: str
    code: str
    status: str = "ok"
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    mimes: frozenset[str] = frozenset()
    text: str | None = None
    not_text: str | None = None
    answer: str | None = None
    interrupt: bool = False
    late: int = 0
    extra: dict[str, str] = field(default_factory=dict)


def files(*paths: str) -> frozenset[str]:
    return frozenset(paths)


CASES = (
    Case("says", "print('hello from the trail')", text="hello from the trail"),
    Case("value", "6 * 7", mimes=files("text/plain"), text="42"),
    Case(
        "table",
        "import pandas as pd\nframe = pd.DataFrame({'x': range(5), 'y': range(5)})\nframe",
        mimes=files("text/html", "text/plain"),
    ),
    Case(
        "plot",
        "import matplotlib.pyplot as plt\nplt.plot(frame.x, frame.y)\nplt.show()",
        mimes=files("image/png"),
    ),
    Case("csv-out", "frame.to_csv('../output/frame.csv', index=False)", writes=files("output/frame.csv")),
    Case("csv-in", "len(pd.read_csv('../output/frame.csv'))", reads=files("output/frame.csv"), text="5"),
    Case("parquet-out", "frame.to_parquet('../output/frame.parquet')", writes=files("output/frame.parquet")),
    Case(
        "parquet-in",
        "pd.read_parquet('../output/frame.parquet').y.sum()",
        reads=files("output/frame.parquet"),
        text="10",
    ),
    Case(
        "hdf5-out",
        "import h5py\nwith h5py.File('../output/frame.h5', 'w') as store:\n    store['y'] = frame.y",
        writes=files("output/frame.h5"),
    ),
    Case(
        "hdf5-in",
        "with h5py.File('../output/frame.h5') as store:\n    print(store['y'][:].sum())",
        reads=files("output/frame.h5"),
        text="10",
    ),
    Case(
        "child",
        "import subprocess, sys\n"
        "program = \"text = open('../output/frame.csv').read(); open('../output/child.txt', 'w').write(text)\"\n"
        "print(subprocess.run([sys.executable, '-c', program]).returncode)",
        reads=files("output/frame.csv"),
        writes=files("output/child.txt"),
    ),
    Case(
        "shell",
        "!cp ../output/child.txt ../output/copied.txt",
        reads=files("output/child.txt"),
        writes=files("output/copied.txt"),
    ),
    Case(
        "append",
        "with open('../output/child.txt', 'a') as stream:\n    stream.write('more\\n')",
        writes=files("output/child.txt"),
    ),
    Case("breaks", "1 / 0", status="error", text=None),
    Case("warns", "import sys\nprint('careful', file=sys.stderr)", text="careful"),
    Case(
        "progress",
        "import time\nfor i in range(101):\n    print(f'\\r{i}%', end='')\nprint()",
        text="100%",
        not_text="57%",
    ),
    Case(
        "frames",
        "from IPython.display import clear_output\n"
        "for i in range(50):\n    clear_output(wait=True)\n    print('frame', i)",
        text="frame 49",
        not_text="frame 48",
    ),
    Case(
        "handle",
        "from IPython.display import display, HTML\nshown = display('first', display_id=True)",
        text="first",
    ),
    Case("update", "shown.update('second')", late=1),
    Case(
        "asks",
        "secret = input('name? ')\nprint(len(secret))",
        answer="hunter2-typed",
        text="13",
        not_text="hunter2-typed",
    ),
    Case("rich", "display(HTML('<b>bold</b><script>alert(1)</script>'))", mimes=files("text/html")),
    Case("large", "print('x' * 3_000_000)"),
    Case("delete", "import os\nos.remove('../output/copied.txt')"),
    Case("stopped", "import time\ntime.sleep(60)", status="interrupted", interrupt=True),
    Case("after", "print('still here')", text="still here"),
    Case("dies", "import os\nos._exit(1)", status="lost"),
    Case("again", "print('a new kernel')", text="a new kernel"),
)
