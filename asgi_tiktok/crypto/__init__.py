"""Sign, seal and derive keys; keep secrets out of `repr` and tracebacks."""
