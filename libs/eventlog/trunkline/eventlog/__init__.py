"""The event log: append, tail, and what is folded from it.

Reading order: `log` (the seam), `jetstream` and `sqlite` (its engines), `tail`, `replica`, `writer`.
"""
