"""The database: people and their records, policies as stored, questions and answers. The only door to SQLAlchemy."""
