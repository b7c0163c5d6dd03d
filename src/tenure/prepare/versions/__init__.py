"""What makes two prepared datasets the same, what parts them, and why work must be done again."""

from tenure.prepare.versions.comparison import IdChanges, SchemaChanges, compare_ids, compare_schemas
from tenure.prepare.versions.content import ContentHash, hash_table, version_name
from tenure.prepare.versions.fingerprint import Fingerprint, code_digest, what_changed
from tenure.prepare.versions.persons import ForgottenPersons, same_person

__all__ = [
    "ContentHash",
    "Fingerprint",
    "ForgottenPersons",
    "IdChanges",
    "SchemaChanges",
    "code_digest",
    "compare_ids",
    "compare_schemas",
    "hash_table",
    "same_person",
    "version_name",
    "what_changed",
]
