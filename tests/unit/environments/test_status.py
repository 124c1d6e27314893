from trailmark.environments.model import EnvironmentRequest, parse_lock
from trailmark.environments.status import PackageLine, describe, is_current


def _package(name: str, version: str, marker: str = "") -> str:
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    wheel = f'{{ url = "https://example.org/{file}", hashes = {{ sha256 = "00" }} }}'
    condition = f'marker = "{marker}"\n' if marker else ""
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{condition}wheels = [{wheel}]\n'


LOCK = 'lock-version = "1.0"\ncreated-by = "uv"\n' + "".join(
    [
        _package("alpha", "2.0"),
        _package("on-mac", "1.0", "sys_platform == 'darwin'"),
        _package("split", "1.0", "sys_platform == 'darwin'"),
        _package("split", "2.0", "sys_platform != 'darwin'"),
    ]
)
LINUX = {"sys_platform": "linux"}


def test_without_a_lock_all_is_only_requested() -> None:
    request = EnvironmentRequest(packages=("alpha>=1", "split"))
    assert describe(request, None) == (
        PackageLine("alpha", ">=1", None, "requested"),
        PackageLine("split", "", None, "requested"),
    )
    assert not is_current(request, None)


def test_each_package_has_its_state_and_what_others_need_comes_last() -> None:
    request = EnvironmentRequest(packages=("split>=3", "Alpha", "new", "on-mac; sys_platform == 'darwin'"))
    lines = describe(request, parse_lock(LOCK), installed=True, machine=LINUX)
    assert lines == (
        PackageLine("split", ">=3", "2.0", "stale"),
        PackageLine("Alpha", "", "2.0", "installed"),
        PackageLine("new", "", None, "requested"),
        PackageLine("on-mac", "", None, "elsewhere"),
    )
    assert not is_current(request, parse_lock(LOCK), LINUX)


def test_what_others_need_is_listed_as_it_applies_here() -> None:
    lines = describe(EnvironmentRequest(packages=("alpha==2",)), parse_lock(LOCK), machine=LINUX)
    assert lines == (
        PackageLine("alpha", "==2", "2.0", "locked"),
        PackageLine("split", None, "2.0", "locked"),
    )
    assert is_current(EnvironmentRequest(packages=("alpha==2",)), parse_lock(LOCK), LINUX)
