"""Errors for frequent mistakes in an app's code, which say what was meant."""
