"""Rewrite the committed schema of ``observables.json``: ``python -m harness.observables``."""

import json

from harness.observables.profile import SCHEMA_PATH, json_schema

if __name__ == "__main__":
    SCHEMA_PATH.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
