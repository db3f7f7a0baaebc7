"""Event sourcing and CQRS for Django on PostgreSQL. Knows no domain."""
