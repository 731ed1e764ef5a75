"""Finding the clauses that a question is about."""
