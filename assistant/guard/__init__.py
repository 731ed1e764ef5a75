"""The guard: a text becomes an answer only if everything in it that could be false is proven, or it is not sent."""

from assistant.guard.evidence import Evidence
from assistant.guard.rejected import Rejected
from assistant.guard.seal import citations, prove, seal
from assistant.guard.sealed import check_figures

__all__ = ["Evidence", "Rejected", "check_figures", "citations", "prove", "seal"]
