"""The offline planner: a chat model without a language model. It reads, calls the tools, and words the results."""
