"""The JSON Schema of the records. It is published beside them: ``python -m tumorbench.contracts.schema > leaderboards/record.schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from tumorbench.contracts.record import SCHEMA_VERSION, Record, Throughput

__all__ = ["record_schema", "schema_text"]


def record_schema() -> dict[str, Any]:
    """The schema of what this version reads: the record of a cell, or that of a throughput measurement."""
    models, definitions = models_json_schema([(Record, "validation"), (Throughput, "validation")])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"tumorbench record, schema version {SCHEMA_VERSION}",
        "anyOf": [models[Record, "validation"], models[Throughput, "validation"]],
        **definitions,
    }


def schema_text() -> str:
    """The schema as the published file holds it."""
    return json.dumps(record_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
