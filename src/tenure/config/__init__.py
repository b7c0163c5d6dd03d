"""tenure.yaml and schema.json: what may be written in them, and how they are read.

An unknown key, a wrong type or a value out of range is refused before any work starts, with the
file, the line, the key and the nearest valid key.
"""

from tenure.config.data import DataConfig
from tenure.config.explain import ExplainConfig
from tenure.config.fairness import FairnessConfig
from tenure.config.load import FILE_NAME, config_schema, describe_idle_keys, load_config, parse_config
from tenure.config.models import BusinessConfig, ProjectConfig
from tenure.config.schema import SCHEMA_FILE, TableSchema, load_schema, parse_schema
from tenure.config.sources import (
    Secrets,
    SourceConfig,
    kind_of,
    quote_in_address,
    source_like,
    written_source,
)
from tenure.config.values import parse_duration, resolve_reference

__all__ = [
    "FILE_NAME",
    "SCHEMA_FILE",
    "BusinessConfig",
    "DataConfig",
    "ExplainConfig",
    "FairnessConfig",
    "ProjectConfig",
    "Secrets",
    "SourceConfig",
    "TableSchema",
    "config_schema",
    "describe_idle_keys",
    "kind_of",
    "load_config",
    "load_schema",
    "parse_config",
    "parse_duration",
    "parse_schema",
    "quote_in_address",
    "resolve_reference",
    "source_like",
    "written_source",
]
