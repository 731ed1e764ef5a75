"""Sample data, training and measuring."""
