"""Who may pass a gate: the person with a key, from this gate's own pages, and nobody else."""

import pytest

from trailmark_capture.gate.door import Door, Entered, Refused
from trailmark_capture.gate.keys import PATH, VALID_SECONDS, make_key, read_key

HOST = (b"host", b"own.localhost:9000")
TOKEN = "the-token"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(9000, TOKEN, ("own.localhost", "localhost"), clock=clock)


def key(clock: Clock, nonce: str = "n" * 32) -> str:
    return f"{PATH}?key={make_key(TOKEN, nonce, clock.now)}"


def enter(door: Door, clock: Clock) -> tuple[bytes, bytes]:
    entered = door.judge("GET", key(clock), [HOST])
    assert isinstance(entered, Entered)
    return b"cookie", f"{door.cookie}={entered.cookie}".encode()


def test_a_key_opens_once(door, clock):
    cookie = enter(door, clock)
    assert door.judge("GET", "/", [HOST, cookie]) is None
    assert isinstance(door.judge("GET", key(clock), [HOST]), Refused)
    assert isinstance(door.judge("GET", key(clock, "m" * 32), [HOST]), Entered)


def test_the_address_that_was_used_leads_whoever_is_in_to_the_page(door, clock):
    cookie = enter(door, clock)
    again = door.judge("GET", key(clock), [HOST, cookie])
    assert again == Entered("", directly=True)


def test_a_key_ends(door, clock):
    address = key(clock)
    clock.now += VALID_SECONDS + 1
    assert isinstance(door.judge("GET", address, [HOST]), Refused)


@pytest.mark.parametrize("change", [
    lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
    lambda text: text.replace("n", "o", 1),
    lambda text: "9" + text[1:],
    lambda text: "",
    lambda text: text + "\n",
])  # fmt: skip
def test_a_key_that_was_not_made_with_the_token_is_none(change, clock):
    good = make_key(TOKEN, "n" * 32, clock.now)
    assert read_key(TOKEN, good, clock.now) is not None
    assert read_key("another", good, clock.now) is None
    assert read_key(TOKEN, change(good), clock.now) is None


@pytest.mark.parametrize("headers", [
    [(b"host", b"evil.example")],
    [(b"host", b"own.localhost:9001")],
    [(b"host", b"other.localhost:9000")],
    [(b"host", b"own.localhost.evil.example:9000")],
    [(b"host", b"127.0.0.1:9000.evil.example")],
    [HOST, HOST],
    [],
    [HOST, (b"origin", b"http://evil.example")],
    [HOST, (b"origin", b"http://127.0.0.1:8700")],
    [HOST, (b"origin", b"http://localhost:9000")],
    [HOST, (b"origin", b"http://other.localhost:9000")],
    [HOST, (b"origin", b"null")],
    [HOST, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"no-cors")],
    [HOST, (b"sec-fetch-site", b"same-site"), (b"sec-fetch-mode", b"cors")],
    [HOST, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"iframe")],
    [HOST, (b"upgrade", b"websocket")],
])  # fmt: skip
def test_what_is_not_of_our_own_pages_is_refused_even_with_the_cookie(door, clock, headers):
    cookie = enter(door, clock)
    assert isinstance(door.judge("GET", "/", [*headers, cookie]), Refused)


@pytest.mark.parametrize("headers", [
    [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-mode", b"cors"), (b"origin", b"http://own.localhost:9000")],
    [(b"sec-fetch-site", b"same-site"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")],
    [(b"upgrade", b"websocket"), (b"origin", b"http://own.localhost:9000")],
    [(b"origin", b"http://own.localhost:9000")],
])  # fmt: skip
def test_our_own_pages_and_a_person_s_navigation_pass(door, clock, headers):
    assert door.judge("GET", "/", [HOST, *headers, enter(door, clock)]) is None


@pytest.mark.parametrize("host", [b"own.localhost:9000", b"localhost:9000", b"127.0.0.1:9000"])
def test_a_gate_answers_to_its_names_and_the_loopback_address(door, host):
    token = (b"authorization", b"token the-token")
    assert door.judge("GET", "/", [(b"host", host), token]) is None


def test_without_cookie_or_token_nobody_passes(door):
    assert isinstance(door.judge("GET", "/", [HOST]), Refused)
    assert isinstance(door.judge("GET", "/", [HOST, (b"cookie", door.cookie.encode() + b"=guess")]), Refused)
    assert isinstance(door.judge("GET", "/", [HOST, (b"authorization", b"token guess")]), Refused)
    assert door.judge("GET", "/", [HOST, (b"authorization", b"token the-token")]) is None


def test_a_post_cannot_be_a_navigation_from_elsewhere(door, clock):
    headers = [HOST, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"), enter(door, clock)]
    assert isinstance(door.judge("POST", "/", headers), Refused)


def test_a_link_that_is_fetched_ahead_uses_no_key_up(door, clock):
    ahead = door.judge("GET", key(clock), [HOST, (b"sec-purpose", b"prefetch")])
    assert isinstance(ahead, Refused)
    assert isinstance(door.judge("GET", key(clock), [HOST]), Entered)


def test_after_a_link_from_another_site_the_page_leads_on_by_itself(door, clock):
    headers = [HOST, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")]
    entered = door.judge("GET", key(clock), headers)
    assert isinstance(entered, Entered)
    assert not entered.directly


def test_what_opens_this_gate_and_others_does_not_go_on(door):
    cookies = b"trailmark-8700=secret; theirs=1; username-127-0-0-1-8888=secret; trailmark-gate-9000=x; _xsrf=j; b=2"
    onward = door.onward(
        [HOST, (b"cookie", cookies), (b"authorization", b"token the-token"), (b"te", b"trailers")]
    )
    assert onward == [(b"host", b"localhost:9000"), (b"cookie", b"theirs=1; b=2")]
    assert door.onward([(b"cookie", b"trailmark-8700=secret")]) == []
    assert door.onward([(b"authorization", b"Basic abc")]) == [(b"authorization", b"Basic abc")]


def test_what_would_touch_other_servers_of_this_machine_does_not_come_back(door):
    headers = [
        (b"set-cookie", b"trailmark-8700=stolen; Path=/"),
        (b"set-cookie", b" username-127-0-0-1-8888=x"),
        (b"set-cookie", b"_xsrf=abc; Path=/"),
        (b"set-cookie", b"_xsrf ; Path=/"),
        (b"set-cookie", b"= =trailmark-gate-9000=abc; Path=/"),
        (b"set-cookie", b"theirs=1"),
        (b"set-cookie", b"_xsrf_of_theirs=1; Path=/"),
        (b"clear-site-data", b'"cookies"'),
        (b"connection", b"keep-alive"),
        (b"content-type", b"text/html"),
    ]
    assert door.back(headers, [HOST]) == [
        (b"set-cookie", b"theirs=1"),
        (b"set-cookie", b"_xsrf_of_theirs=1; Path=/"),
        (b"content-type", b"text/html"),
    ]


@pytest.mark.parametrize("host", [b"own.localhost:9000", b"localhost:9000", b"127.0.0.1:9000"])
def test_the_server_behind_is_asked_at_a_name_that_every_server_knows(door, host):
    asked = [(b"host", host), (b"origin", b"http://" + host), (b"referer", b"http://" + host + b"/page?x=1")]
    assert door.onward(asked) == [
        (b"host", b"localhost:9000"),
        (b"origin", b"http://localhost:9000"),
        (b"referer", b"http://localhost:9000/page?x=1"),
    ]
    for location in (b"", b"/", b"/next?to=http://localhost:9000/", b"?x", b"#top"):
        (answer,) = door.back([(b"location", b"http://localhost:9000" + location)], asked)
        assert answer == (b"location", b"http://" + host + location)


@pytest.mark.parametrize(
    "location",
    [
        b"/next",
        b"https://localhost:9000/",
        b"http://localhost:90001/",
        b"http://localhost:9000@evil.example/",
    ],
)
def test_what_leads_elsewhere_is_left_as_it_is(door, location):
    assert door.back([(b"location", location)], [HOST]) == [(b"location", location)]


def test_an_address_that_there_cannot_be_is_refused_before_any_key_is_asked(door):
    refused = door.judge("GET", "//[", [HOST])
    assert isinstance(refused, Refused)
    assert refused.status == 400
