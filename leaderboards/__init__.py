"""Leaderboards: what came out of the runs. Everything here is derived from records (`harness.record`)."""
