"""What is known of an object without reading it whole."""

import random

import pytest

from trailmark.git import Repository


@pytest.mark.parametrize("letters", [1, 3, 40, 90, 256])
@pytest.mark.parametrize("length", [0, 1, 100, 80_000])
def test_the_size_of_a_loose_object_is_known_whatever_it_holds(tmp_path, letters, length):
    chance = random.Random(letters)
    skewed = [1.5 ** -(number % 30) for number in range(letters)]
    content = bytes(chance.choices(range(letters), skewed, k=length))
    repository = Repository.init(tmp_path)
    assert repository.objects.size(repository.write_blob(content)) == length
