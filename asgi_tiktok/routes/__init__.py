"""Answer our routes; turn errors into responses."""
