"""The mutations that the suite is tested with still fit the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mutation_changes_one_place_and_names_a_test_that_is_there(
    mutation: Mutation,
) -> None:
    assert (ROOT / mutation.file).read_text().count(mutation.text) == 1
    file, _, name = mutation.test.partition("::")
    assert not name or f"def {name}(" in (ROOT / file).read_text()
