"""What single customers have otherwise, a module each; `ledger.registration` has the lines."""
