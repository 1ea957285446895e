"""Service files: what is read, and how a refusal names file, line and key."""

import textwrap

import pytest

from tiffin.errors import RefusedError
from tiffin.services.catalog import ServiceCatalog, find_service, load_service

GOOD = """\
name: {name}
model: {name}
kind: classification
port: {port}
smoke:
  - name: one applicant
    body: {{input_data: [{{age: 30}}]}}
validation:
  target: status
"""


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "credit-risk", 9101)
    write(tmp_path, "house-prices", 9102)
    return tmp_path


def write(folder, name, port, more="", file=None):
    path = folder / f"{file or name}.yaml"
    path.write_text(GOOD.format(name=name, port=port) + textwrap.dedent(more))
    return path


def refusal(file):
    with pytest.raises(RefusedError) as caught:
        load_service(file)
    assert caught.value.code == "bad-service-file"
    return caught.value.message.replace(str(file), "FILE")


def test_reads_all_services_of_a_folder(folder):
    (folder / "service.schema.json").write_text("{}")
    assert ServiceCatalog.load(folder).names == ("credit-risk", "house-prices")


def test_an_empty_folder_has_no_services(tmp_path):
    assert list(ServiceCatalog.load(tmp_path)) == []


def test_reads_durations_and_shares_as_people_write_them(tmp_path):
    more = "rollout: {look_every: 500ms, weights: [1%, 0.25], deadline: 90}\n"
    rollout = load_service(write(tmp_path, "a", 9101, more)).rollout
    assert rollout.look_every.total_seconds() == 0.5
    assert rollout.deadline.total_seconds() == 90
    assert rollout.weights == (0.01, 0.25)


def test_names_the_line_and_the_key_of_every_problem_at_once(tmp_path):
    more = """\
        rollout:
          weights: [25%, 5%]
          look_evry: 10s
        objective: {margin: 10}
        watch: 2h
        """
    assert refusal(write(tmp_path, "a", 80, more)).splitlines() == [
        "FILE:4: port: it should be greater than or equal to 1024, not 80",
        "FILE:11: rollout.weights: must be at least one share, each larger than the one before",
        "FILE:12: rollout.look_evry: there is no such key; did you mean `look_every`?",
        "FILE:13: objective.margin: 10 is no share: write 10% or a fraction of 1",
        "FILE:14: watch: must not be longer than rollback_window",
    ]


def test_names_the_item_of_a_list(tmp_path):
    text = GOOD.format(name="a", port=9101).replace("    body:", "    boby:")
    file = tmp_path / "a.yaml"
    file.write_text(text)
    assert refusal(file).splitlines() == [
        "FILE:6: smoke[0].body: this key is missing",
        "FILE:7: smoke[0].boby: there is no such key; did you mean `body`?",
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("bento: mine", "bento: a folder here goes with `kind: bento`, and only with it"),
        ("timeouts: {request: 500ms}", "timeouts.per_try: must not be longer than"),
        ("rollout: {max_share: true}", "rollout.max_share: yes or no is not a number"),
        ("rollout: {look_every: 0}", "rollout.look_every: must be longer than 0s"),
        ("rollout: {deadline: -5}", "rollout.deadline: a duration is between 0s and 366d"),
        ("rollout: {deadline: soon}", "rollout.deadline: 'soon' is no duration"),
        ("rollout: {deadline: 99999999999999999d}", "rollout.deadline: it should be a valid"),
        ("objective: {margin: 100%}", "objective.margin: it should be less than 1"),
        ("objective: {tolerance: .nan}", "objective.tolerance: it should be greater than"),
        ("inference: {engine: tensorflow}", "inference.engine: it should be 'auto', 'onnx' or"),
        ("inference: {tolerance: 0}", "inference.tolerance: it should be greater than 0"),
        ("inference: {tolerance: 0.5}", "inference.tolerance: it should be less than or equal"),
        ("deployers: []", "deployers: it should have at least 1 item"),
        ("port: 9999", "found duplicate key"),
        ("rollout: &x {alpha: 0.1}\nobjective: *x", "aliases (&, *) are not allowed"),
        ("model2: !!python/object:os.system {}", "tags are refused"),
        ("rollout: [", "expected the node content"),
        ("rollout: " + "[" * 5000, "nested too deep"),
        ("---\nname: b", "found another document"),
    ],
)
def test_refuses_what_would_do_harm(tmp_path, more, said):
    assert said in refusal(write(tmp_path, "a", 9101, more))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "FILE:1: a service file has keys and values"),
        (b"- name: a\n", "FILE:1: a service file has keys and values"),
        (b"name: a\nmodel: \xff\n", "FILE:2: this is not UTF-8"),
        (b"#" * 300_000, "FILE: larger than 256 KiB"),
    ],
)
def test_refuses_what_is_no_service_file(tmp_path, content, said):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    assert refusal(file).startswith(said)


def test_says_when_there_is_no_file_or_no_folder(tmp_path):
    assert refusal(tmp_path / "a.yaml") == "FILE: can't be read: no such file or directory"
    with pytest.raises(RefusedError, match="no such folder of service files"):
        ServiceCatalog.load(tmp_path / "nowhere")


def test_two_services_can_not_have_one_name_or_one_port(folder):
    write(folder, "credit-risk", 9102, file="later")
    with pytest.raises(RefusedError) as caught:
        ServiceCatalog.load(folder)
    assert [line.split(": ", 1)[1] for line in caught.value.message.splitlines()] == [
        f"name: credit-risk is already taken by {folder}/credit-risk.yaml",
        f"port: 9102 is already taken by {folder}/house-prices.yaml",
    ]


def test_all_files_problems_are_told_at_once(folder):
    write(folder, "a", 1)
    write(folder, "b", 2)
    with pytest.raises(RefusedError) as caught:
        ServiceCatalog.load(folder)
    assert len(caught.value.message.splitlines()) == 2


def test_an_unknown_service_is_answered_with_the_known_ones(folder):
    with pytest.raises(RefusedError) as caught:
        ServiceCatalog.load(folder).service("credit-rsk")
    assert caught.value.code == "unknown-service"
    assert caught.value.message == (
        "there is no service 'credit-rsk'; did you mean 'credit-risk'? "
        "known: credit-risk, house-prices"
    )


def test_another_services_typo_does_not_hide_a_service(folder):
    write(folder, "broken", 1)
    assert find_service(folder, "house-prices").port == 9102


def test_a_service_is_found_in_a_file_of_another_name(folder):
    write(folder, "renamed", 9103, file="old-name")
    write(folder, "broken", 1)
    assert find_service(folder, "renamed").port == 9103


def test_a_service_whose_own_file_is_broken_is_refused(folder):
    write(folder, "broken", 1)
    with pytest.raises(RefusedError, match=r"broken\.yaml:4: port"):
        find_service(folder, "broken")


def test_says_which_files_could_not_be_read_when_a_service_is_not_found(folder):
    write(folder, "broken", 1)
    with pytest.raises(RefusedError, match=r"can't be read: .*broken\.yaml \[unknown-service\]"):
        find_service(folder, "nope")
