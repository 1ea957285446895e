"""What a classifier's graph answers with, and the usual ways from scores to labels."""

from __future__ import annotations

from dataclasses import dataclass

from serving.conversion.graph import Graph


@dataclass(frozen=True, slots=True)
class Labels:
    """What a classifier answers: the label's position among the classes, and probabilities."""

    index: str
    """Shape (rows,), int64."""
    probabilities: str | None

    def outputs(self) -> dict[str, str]:
        """Return the values by the names that an engine asks for."""
        found = {"index": self.index, "probabilities": self.probabilities}
        return {name: value for name, value in found.items() if value is not None}


def largest(graph: Graph, scores: str, *, last: bool = False) -> str:
    """Return the position of each row's largest score; of equal ones the first, or the last."""
    return graph.add("ArgMax", scores, axis=1, keepdims=0, select_last_index=int(last))


def sigmoids(graph: Graph, score: str, slope: float = 1.0) -> str:
    """Return the probabilities of two classes, given the second's score."""
    scores = graph.add("Mul", score, graph.constant([-slope, slope]))
    return graph.add("Sigmoid", scores)
