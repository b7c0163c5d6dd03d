"""Raw tables to clean, split rows: sources, summary, recipe, split."""
