from __future__ import annotations

import pandas as pd
from sklearn.feature_extraction import DictVectorizer
from sklearn.pipeline import make_pipeline

from serving.models.rows import RowsAsDicts


def test_lets_a_dict_vectorizer_read_a_table_and_ignore_what_it_has_never_seen() -> None:
    pipeline = make_pipeline(RowsAsDicts(), DictVectorizer(sparse=False))
    pipeline.fit(pd.DataFrame({"home": ["rent", "owner"], "age": [30, 40]}))
    assert pipeline.transform(pd.DataFrame({"home": ["castle"], "age": [50]})).tolist() == [
        [50.0, 0.0, 0.0]
    ]
