"""Rules as data, and the one calculator that reads them."""
