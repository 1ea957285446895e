"""The `features` section of a service file."""

import textwrap

import pytest

from tests.services.test_catalog import refusal, write
from tiffin.services.catalog import load_service

FEATURES = """\
    features:
      entity: customer_id
      columns: [age, home]
      store:
        feast: {url: "http://127.0.0.1:6566", feature_service: credit_risk}
      timeout: 20ms
      defaults: {age: 0, home: rent}
"""


def test_reads_features_as_people_write_them(tmp_path):
    features = load_service(write(tmp_path, "a", 9101, FEATURES)).features
    assert features.timeout.total_seconds() == 0.02
    assert features.defaults == {"age": 0, "home": "rent"}
    assert features.store.feast.feature_service == "credit_risk"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "[age, home]",
            "[age, age]",
            "FILE:12: features.columns: must name each column once",
        ),
        (
            ", feature_service: credit_risk",
            "",
            "features.store.feast.references: name either feature_service or references",
        ),
        (
            "feature_service: credit_risk",
            "references: ['credit:age']",
            "features.store: references must have one `view:column` for each of columns",
        ),
        (
            "feast: {",
            "file: /customers.json\n        feast: {",
            "features.store.file: name either feast or file",
        ),
        ("age: 0", "shoe_size: 0", "FILE:16: features.defaults: shoe_size is not one of columns"),
        (
            "age: 0",
            "age: [0]",
            "features.defaults.age: must be a number, a text, or true or false",
        ),
        (
            "20ms",
            "1s",
            "FILE:10: features: timeout must be shorter than timeouts.per_try",
        ),
        ("entity:", "entitty: x\n      entity:", "there is no such key; did you mean `entity`?"),
        (
            "url:",
            "urll: x, url:",
            "features.store.feast.urll: there is no such key; did you mean `url`?",
        ),
    ],
)
def test_names_the_key_that_is_wrong(tmp_path, old, new, sentence):
    assert old in FEATURES
    told = refusal(write(tmp_path, "a", 9101, FEATURES.replace(old, new)))
    assert sentence in told
    assert len(told.splitlines()) == 1


def test_a_bento_of_ones_own_reads_its_requests_itself(tmp_path):
    file = write(tmp_path, "a", 9101, "bento: mine\n" + textwrap.dedent(FEATURES))
    file.write_text(file.read_text().replace("kind: classification", "kind: bento"))
    assert "not for kind `bento`" in refusal(file)
