"""The `hidden_fermion` family: ``spec.py`` says what it is, the other modules build it."""
