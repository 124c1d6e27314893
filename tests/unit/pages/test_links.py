from trailmark.pages.links import Links


def test_names_are_quoted() -> None:
    links = Links.of("ada", "a b/c")
    assert links.overview == "/p/ada/a%20b%2Fc/"
    assert links.files("input/ä#1.csv", at="abc") == "/p/ada/a%20b%2Fc/files/input/%C3%A4%231.csv?at=abc"
    assert links.record("01K/../x") == "/p/ada/a%20b%2Fc/activity/01K%2F..%2Fx"


def test_filters_that_ask_for_nothing_are_left_out() -> None:
    assert Links.of("a", "b").activity({"kind": "cell", "tool": None}, search="", before="01K") == (
        "/p/a/b/activity?kind=cell&before=01K"
    )
    assert Links.of("a", "b").activity() == "/p/a/b/activity"
