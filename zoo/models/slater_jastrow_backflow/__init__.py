"""The `slater_jastrow_backflow` family: ``spec.py`` says what it is, the other modules build it."""
