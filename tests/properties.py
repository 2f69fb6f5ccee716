"""How the property tests of money are run: how many examples they try, and each on a clean database.

Few examples by default; BILLING_EXAMPLES of each when it is set. `make billing-properties` sets 2,000, chooses
a seed and prints it.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from core.db import Database

WANTED = os.environ.get("BILLING_EXAMPLES")


def money(few: int = 100) -> Callable[[Callable[..., None]], Any]:
    """Return what makes a test a property test of money; `few` examples unless more are wanted.

    What fails is printed as a blob that repeats it (@reproduce_failure), beside the seed. It is not measured:
    what is covered by chance alone is not covered.
    """
    how = settings(
        max_examples=int(WANTED or few),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    return lambda test: pytest.mark.unmeasured(how(test))


def undone(test: Callable[..., None]) -> Callable[..., None]:
    """Give the test a session whose transaction is each example's own, and is undone after it.

    Not a savepoint of one long transaction: what thousands of examples left behind in it would be read past
    again and again.
    """

    @functools.wraps(test)
    def example(worker_database: Database, **drawn: Any) -> None:
        with worker_database.rehearsal() as session:
            test(session, **drawn)

    del example.__wrapped__  # pytest and hypothesis would read the test's own parameters
    return example


def apart(test: Callable[..., None]) -> Callable[..., None]:
    """Give the test a database whose commits are real to the code and each example's own, undone after it.

    What one example leaves behind would be closed, planned and braked by the nights of the next.
    """

    @functools.wraps(test)
    def example(worker_database: Database, **drawn: Any) -> None:
        with worker_database.bind.connect() as connection:
            outer = connection.begin()
            try:
                test(Database(connection), **drawn)
            finally:
                outer.rollback()

    del example.__wrapped__
    return example
