"""The expression language of features and rules: SQL text to a small tree, and the tree's two executors.

Parsing needs sqlglot; a tree in a recipe needs nothing, so a service that scores with it imports no parser.
"""
