import pytest

from trailmark.environments.address import require_no_secret
from trailmark.environments.model import parse_requirement
from trailmark.errors import InvalidInput


@pytest.mark.parametrize(
    "address",
    [
        "https://ada:s3cret@example.org/wheel.whl",
        "git+https://ghp_token@example.org/ada/thesis.git",
        "git+ssh://ada:s3cret@example.org/ada/thesis.git",
    ],
)
def test_a_package_at_an_address_with_a_password_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="thesis holds a password or a token") as refused:
        parse_requirement(f"thesis @ {address}")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["https://example.org/a@1.whl", "git+ssh://git@example.org/ada/thesis.git", "/a folder", ""]
)
def test_an_address_without_one_is_taken(address: str) -> None:
    require_no_secret(address, "a package")
