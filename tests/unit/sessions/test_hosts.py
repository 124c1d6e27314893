"""Each session has a host of its own, which every browser can reach."""

import pytest

from trailmark.sessions import hosts
from trailmark.sessions.hosts import host_for, hosts_of
from trailmark.sessions.session import Session

ID = "01KABCDEFGHJKMNPQRSTVWXYZ0"
OWN = "01kabcdefghjkmnpqrstvwxyz0.localhost"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
SAFARI = _MAC + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"
CHROME = _MAC + "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
FIREFOX = _MAC + "Gecko/20100101 Firefox/145.0"


def session(server="jupyter", page=""):
    return Session(
        ID, "/p", "jupyterlab", "local", None, 4321, "the-token", "", 0.0, server=server, page=page
    )


@pytest.mark.parametrize("agent", [CHROME, FIREFOX, "", None])
def test_browsers_that_know_such_names_get_the_session_s_own(agent, monkeypatch):
    monkeypatch.setattr(hosts.sys, "platform", "linux")
    assert host_for(ID, agent) == OWN


@pytest.mark.parametrize(
    ("platform", "known", "agent", "expected"),
    [
        ("linux", True, SAFARI, "localhost"),
        ("darwin", False, SAFARI, "localhost"),
        ("darwin", True, SAFARI, OWN),
        ("darwin", False, CHROME, OWN),
        ("darwin", False, None, "localhost"),
        ("darwin", True, None, OWN),
    ],
)
def test_a_browser_that_asks_the_system_gets_a_name_that_it_knows(
    platform, known, agent, expected, monkeypatch
):
    def look_up(host, *_, **__):
        assert host == OWN
        if not known:
            raise OSError
        return [(0, 0, 0, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(hosts.sys, "platform", platform)
    monkeypatch.setattr(hosts.socket, "getaddrinfo", look_up)
    assert host_for(ID, agent) == expected


def test_a_name_that_leads_elsewhere_is_not_used(monkeypatch):
    monkeypatch.setattr(hosts.sys, "platform", "darwin")
    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("192.0.2.1", 0))])
    assert host_for(ID) == "localhost"


def test_addresses_lead_to_the_host_that_the_server_answers_to():
    assert hosts_of(ID) == (OWN, "localhost")
    assert session().url_for(CHROME) == f"http://{OWN}:4321/?token=the-token"
    assert (
        session(page="trailmark/terminal").url == "http://localhost:4321/trailmark/terminal?token=the-token"
    )
    assert session().base_url == "http://127.0.0.1:4321/"
    gated = session("gate").url_for(CHROME)
    assert gated.startswith(f"http://{OWN}:4321/.trailmark/enter?key=")
    assert "the-token" not in gated
