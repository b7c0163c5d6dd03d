"""Whether a model treats groups alike: rates by group, their differences, flips, proxies, and what can be done."""
