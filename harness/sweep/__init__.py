"""Many runs from one command: expanded first, then run as processes of their own, here or on a cluster."""

from harness.sweep.expand import Options, expand
from harness.sweep.plan import Job, Sweep

__all__ = ["Job", "Options", "Sweep", "expand"]
