"""What is reported about an app: log records, their limit, and the spans and counters of OpenTelemetry."""
