"""What a table must look like: inferred once, kept in schema.json, and enforced on tables and on rows.

infer       a schema from training rows, and the proposal for one that no longer fits
shape       columns that are missing, new, renamed, of another kind or in another order
terms       a schema made ready to be checked at one stage
table, row  the two executors of the same rules: on tables, and on one row for the service (without Polars)
breach      what they find
export      the same schema in other formats
"""
