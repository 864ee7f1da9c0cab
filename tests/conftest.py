"""One backend and device for all tests, in float64, before any test imports Keras.

ZOO_TEST_BACKEND is the backend (tensorflow unless set), ZOO_TEST_DEVICE the device (cpu unless set).
"""

import os

import pytest

from harness.start import prepare

BACKEND = os.environ.get("ZOO_TEST_BACKEND", "tensorflow")
prepare(BACKEND, os.environ.get("ZOO_TEST_DEVICE", "cpu"), "float64")


@pytest.fixture
def backend_name() -> str:
    """The backend that the tests run on."""
    return BACKEND
