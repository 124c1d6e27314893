import pytest

from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.plan import Candidate, Need, NoPlan, plan_versions


def any_of(name: str) -> Need:
    return Need(name, name, lambda version: True)


def test_a_thousand_packages_in_a_row_are_no_trouble() -> None:
    def candidates(name: str) -> list[Candidate]:
        number = int(name[1:])
        return [Candidate(name, "1", (any_of(f"p{number + 1}"),) if number < 3000 else ())]

    assert len(plan_versions([any_of("p0")], candidates)) == 3001


def test_packages_that_need_each_other() -> None:
    plan = plan_versions(
        [any_of("a")], lambda name: [Candidate(name, "1", (any_of("b" if name == "a" else "a"),))]
    )
    assert set(plan) == {"a", "b"}


def test_a_hopeless_request_ends() -> None:
    index = {f"p{number}": {f"{version}": ["q<1"] for version in range(1, 9)} for number in range(8)}
    memory = Memory({**index, "q": {"1": []}})
    with pytest.raises(SolveFailed, match="q<1"):
        memory.solve(Wanted(tuple(index)))


def test_it_says_what_stands_in_the_way() -> None:
    with pytest.raises(NoPlan) as failed:
        plan_versions([any_of("a")], lambda name: [])
    assert failed.value.names == {"a"}
    assert str(failed.value) == "the request needs a, and there is no package of that name."


def test_the_caller_can_end_it() -> None:
    def stop() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        plan_versions([any_of("a")], lambda name: [], pause=stop)
