import pytest

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.runtime.reconsidering import CHANGES, change_of, headline, outcome_text


@pytest.mark.parametrize("word", CHANGES)
def test_every_change_is_taken_with_all_that_may_follow_it_and_no_more(word: str) -> None:
    values = CHANGES[word].replace("[", "").replace("]", "").split()
    made = change_of(" ".join([word, *values]))
    assert made.WhichOneof(
        "change",
    )
    with pytest.raises(ValueError, match="add-address ACL ADDRESS"):
        change_of(" ".join([word, *values, "more"]))


@pytest.mark.parametrize("text", ["", "drop office", "detach", "add-address office"])
def test_what_is_no_change_is_answered_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="write one of: add-address"):
        change_of(text)


def test_the_headline_counts_by_what_would_become_of_calls() -> None:
    groups = [
        pb.ChangedCalls(old_outcome="admit", new_outcome="refuse", new_reason="T203", calls=16),
        pb.ChangedCalls(old_outcome="admit", new_outcome="refuse", new_reason="T201", calls=1),
        pb.ChangedCalls(old_outcome="refuse", old_reason="T203", new_outcome="admit", calls=2),
        pb.ChangedCalls(old_outcome="refuse", old_reason="T203", new_outcome="refuse", new_reason="T301", calls=3),
    ]
    told = headline(pb.ExplainCallsResponse(calls=240, groups=groups))
    assert told == "17 of 240 calls would now be refused, 2 admitted, 3 refused for another reason"
    assert headline(pb.ExplainCallsResponse(calls=240, left_out=237)) == "none of 3 calls would now be decided otherwise"
    assert outcome_text("postpone", "") == "postpone", "of a later version"
    assert outcome_text("refuse", "T301") == "refused (T301 Destination Not Allowed)" and outcome_text("admit", "") == "admitted"
