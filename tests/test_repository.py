"""Guards over the repository itself: nothing in it may belong to one machine or one registry."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
LOCK = "uv.lock"
PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}

REGISTRIES = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmjs\.com|unpkg\.com|jsdelivr\.net|cdnjs\.|anaconda\.org"
    r"|cran\.r-project\.org|docker\.io/|ghcr\.io|quay\.io)",
    re.IGNORECASE,
)
# Ada is nobody: examples and tests may have her home folder.
MACHINE_PATHS = re.compile(r"(?<![\w.~/-])/(?:home|root|work|Users|mnt)/(?!ada\b)[\w.-]+")
SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|pypi-[\w-]{50,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
EXPLAINED = {
    # The guard names what it looks for.
    "tests/test_repository.py",
}


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    """The text of every tracked file, by its path."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no git work tree")
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if name in EXPLAINED or not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            texts[name] = content.decode("utf-8", "replace")
    assert LOCK in texts
    return texts


def offences(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {match.group()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for match in [pattern.search(line)]
        if match
    ]


def without_lock(texts: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name != LOCK}


def test_no_registry_is_named_outside_the_lock(tracked):
    assert offences(without_lock(tracked), REGISTRIES) == []


def test_no_path_of_one_machine(tracked):
    assert offences(without_lock(tracked), MACHINE_PATHS) == []


def test_no_secret(tracked):
    assert offences(tracked, SECRETS) == []


def test_the_lock_names_public_hosts_only(tracked):
    hosts = {urlsplit(address).hostname for address in re.findall(r"https?://[^\s\"']+", tracked[LOCK])}
    assert hosts == PUBLIC_HOSTS
    assert "http://" not in tracked[LOCK]
    assert "file:" not in tracked[LOCK]


def test_no_file_is_left_unfinished(tracked):
    endings = (".py", ".R", ".c", ".js", ".css", ".html")
    code = {name: text for name, text in tracked.items() if name.endswith(endings) and "/vendor/" not in name}
    assert offences(code, re.compile(r"\b(?:TODO|FIXME|XXX)\b|^(?:<<<<<<<|>>>>>>>) ")) == []


def test_programs_are_never_started_through_a_shell(tracked):
    code = {name: text for name, text in tracked.items() if name.startswith("src/") and name.endswith(".py")}
    assert offences(code, re.compile(r"shell=True|os\.system\(|os\.popen\(")) == []


def test_modules_stay_short(tracked):
    long = {
        name: count
        for name, text in tracked.items()
        if name.startswith("src/") and name.endswith(".py") and (count := text.count("\n")) > 500
    }
    assert long == {}
