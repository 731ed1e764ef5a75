"""The sample records of the demo, and the generator that writes them."""
