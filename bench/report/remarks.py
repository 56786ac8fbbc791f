"""What is worth saying about a complete cell."""

from __future__ import annotations

from collections.abc import Iterator

from bench.study.record import Execution, Record

UNLIKE_TERMS = 10.0  # a mixture whose terms differ more than so many times is remarked on


def remarks_on(record: Record) -> Iterator[str]:
    """Give what is out of balance, how batches were made to fit into memory, and failed metrics."""
    yield from _unlike_terms(record)
    stages = record.training.executions if record.training else ()
    yield from dict.fromkeys(line for stage in stages for line in _memory_plan(stage))
    yield from record.problems.values()


def _memory_plan(execution: Execution) -> Iterator[str]:
    """How each batch of a stage was made to fit into memory, and whether memory ran out."""
    because = " (out of memory)" if execution.out_of_memory else ""
    if execution.accumulation_steps > 1:
        yield (
            f"gradient accumulation over {execution.accumulation_steps} micro-batches{because}; "
            "BatchNorm statistics are per micro-batch"
        )
    if execution.checkpointing:
        yield f"activation checkpointing{because}"


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
