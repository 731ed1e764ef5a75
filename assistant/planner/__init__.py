"""The offline planner: no language model. It reads, calls the tools, and words the results."""
