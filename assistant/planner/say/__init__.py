"""From the tools' results to words. Every figure said is read off a result; nothing is computed but counts and sums.

Clauses are cited by their tokens in `[^…]`, which become numbers when the answer is sealed.
"""
