"""A second, tiny domain, books on loan, that knows of nothing but `eventstore`."""
