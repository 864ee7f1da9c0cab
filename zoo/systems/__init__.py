"""Physical systems: what is to be solved."""
