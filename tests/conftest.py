"""One backend for all tests: ZOO_TEST_BACKEND (tensorflow unless set), in float64, before any test imports Keras."""

import os

import pytest

from harness.start import prepare

BACKEND = os.environ.get("ZOO_TEST_BACKEND", "tensorflow")
prepare(BACKEND, "cpu", "float64")


@pytest.fixture
def backend_name() -> str:
    """The backend that the tests run on."""
    return BACKEND
