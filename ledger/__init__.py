"""The sample domain: persons and their accounts. Keep `eventstore`, put your own domain here."""
