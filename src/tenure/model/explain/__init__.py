"""What a model goes by, over many rows: effects, permutation importance, dependence, interactions, stability."""
