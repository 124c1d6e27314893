"""Which addresses are let through."""

import pytest

from trailmark.errors import InvalidInput
from trailmark.git.address import PrivateAddress, check_public, looks_like_address, parse_address


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "name"),
    [
        ("https://example.org/a/b.git", "https", "example.org", 443, "b"),
        ("https://example.org:8443/a/b/", "https", "example.org", 8443, "b"),
        ("https://ada@example.org/b", "https", "example.org", 443, "b"),
        ("https://[2001:db8::1]/b", "https", "[2001:db8::1]", 443, "b"),
        ("ssh://git@example.org:2222/a/b.git", "ssh", "example.org", 2222, "b"),
        ("git@example.org:a/b.git", "ssh", "example.org", 22, "b"),
        ("example.org:b", "ssh", "example.org", 22, "b"),
    ],
)
def test_usual_addresses_are_read(text, scheme, host, port, name):
    address = parse_address(f"  {text} ")
    assert (address.scheme, address.host, address.port, address.name) == (scheme, host, port, name)
    assert looks_like_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "ext::sh -c x", "ext::x", "file:///etc", "git://example.org/x", "ftp://example.org/x",
        "https://", "https://example.org", "https://example.org/", "https:///x", "https://-x/y",
        "https://ada:secret@example.org/x", "https://example.org:x/y", "https://example.org:99999/y",
        "ssh://-oProxyCommand=x/y", "ssh://-x@example.org/y", "-oProxyCommand=x:y", "git@-x:y", "git@example.org:-y",
        "https://exa mple.org/x", "https://example.org/\n", "https://example.org/\x1b[2J", "fd::17/foo",
    ],
)  # fmt: skip
def test_what_leads_elsewhere_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_address(text)


def test_a_password_is_refused_without_being_repeated():
    with pytest.raises(InvalidInput) as refused:
        parse_address("https://ada:hunter2@example.org/x")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "number",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1",
     "fd00::1", "::ffff:10.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_private_networks_are_told_apart(number):
    address = parse_address("https://lab.example.org/x")
    with pytest.raises(PrivateAddress, match="allow"):
        check_public(address, lambda _host, _port: ["93.184.216.34", number])


def test_public_numbers_are_returned_and_an_unknown_host_is_left_to_the_proxy():
    address = parse_address("https://example.org/x")
    assert check_public(address, lambda _host, _port: ["93.184.216.34"]) == ["93.184.216.34"]
    assert check_public(address, lambda _host, _port: []) == []
    with pytest.raises(PrivateAddress):
        check_public(parse_address("https://localhost/x"), lambda _host, _port: [])
