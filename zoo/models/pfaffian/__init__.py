"""The `pfaffian` family: ``spec.py`` says what it is, the other modules build it."""
