"""A link between regions: everything that passes is late by so many milliseconds, and stops when the process is held or frozen."""
