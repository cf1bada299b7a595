"""A tenant as a file: read, compared with what is there, made so."""
