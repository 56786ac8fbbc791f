"""What is worth saying about a complete cell."""

from __future__ import annotations

from collections.abc import Iterator

from bench.study.record import Record

UNLIKE_TERMS = 10.0  # a mixture whose terms differ more than so many times is remarked on


def remarks_on(record: Record) -> Iterator[str]:
    """Give what is out of balance, what was done because memory ran out, and failed metrics."""
    yield from _unlike_terms(record)
    yield from _fallbacks(record)
    yield from record.problems.values()


def _fallbacks(record: Record) -> Iterator[str]:
    """What was done because memory ran out."""
    executions = record.training.executions if record.training else ()
    steps = max((execution.accumulation_steps for execution in executions), default=1)
    if steps > 1:
        yield (
            f"gradient accumulation over {steps} micro-batches (out of memory); BatchNorm "
            "statistics are per micro-batch"
        )
    if any(execution.checkpointing for execution in executions):
        yield "activation checkpointing (out of memory)"


def _unlike_terms(record: Record) -> Iterator[str]:
    """What to say of each mixture whose terms differ more than tenfold at its start or end."""
    terms = record.training.terms if record.training else ()
    for stage, task in dict.fromkeys((scale.stage, scale.task) for scale in terms):
        mixture = [scale for scale in terms if (scale.stage, scale.task) == (stage, task)]
        for when in ("start", "end"):
            sizes = {scale.term: abs(getattr(scale, when)) for scale in mixture}
            if max(sizes.values()) > UNLIKE_TERMS * min(sizes.values()):
                listed = ", ".join(f"{term} {size:.3g}" for term, size in sizes.items())
                yield f"the {task} loss's terms differ more than tenfold at the {when}: {listed}"
