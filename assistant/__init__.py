"""Xueshi (学时通): answers about teachers' continuing-education hours, every number and clause proven."""
