"""The read side: ordinary Django models, filled by projections and read by queries."""
