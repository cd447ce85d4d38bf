"""Work that a request leaves for after its commit, such as a mail. (What the request does itself is in `app.api.job`.)

A function becomes a job by `@job`. `enqueue` writes a row in the transaction of the data, so that both are committed
or neither is; a thread of this process, woken by the commit, then runs it. Every process looks for jobs now and then,
so that one whose process died is run by another.
"""

from app.jobs.job import Attempt, Hopeless, Job, job

__all__ = ["Attempt", "Hopeless", "Job", "job"]
