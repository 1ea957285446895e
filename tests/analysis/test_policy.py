"""The policy, as the service file says it."""

import pytest

from tiffin.analysis.blocks import Line
from tiffin.analysis.policy import AnalysisPolicy
from tiffin.errors import RefusedError
from tiffin.services.spec import Service


def test_reads_the_objective_and_the_limits_of_a_service_file():
    service = Service.model_validate(
        {
            "name": "iris",
            "model": "iris",
            "kind": "classification",
            "port": 9100,
            "smoke": [{"name": "one flower", "body": {"input_data": []}}],
            "validation": {"target": "species"},
            "objective": {"margin": "2%", "tolerance": "1%", "ceiling": "10%"},
            "rollout": {"alpha": 0.01, "harm_budget": 80, "max_share": "30%"},
        }
    )
    assert AnalysisPolicy.from_service(service) == AnalysisPolicy(
        alpha=0.01, tolerance=0.01, margin=0.02, ceiling=0.1, harm_budget=80, max_share=0.3
    )


def test_draws_a_line_for_each_question():
    policy = AnalysisPolicy(tolerance=0.001, margin=0.02, ceiling=0.1)
    assert policy.rollback_line == Line(1, 0.001)
    assert policy.promote_line == Line(1, 0.02)
    assert policy.watch_line == Line(0, 0.1)


def test_a_margin_of_everything_is_refused():
    with pytest.raises(RefusedError, match=r"bad-line"):
        _ = AnalysisPolicy(margin=1.0).promote_line
