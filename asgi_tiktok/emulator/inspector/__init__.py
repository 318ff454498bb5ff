"""The inspector page and the control API."""
