from tallygate.infra import reference
from tallygate.runtime.config import Settings


def test_the_page_is_current() -> None:
    assert reference.PAGE.read_text() == reference.page(), "run `make reference`"


def test_every_setting_says_what_it_means() -> None:
    silent = [line for line in reference.page().splitlines() if line.endswith("|  |")]
    assert silent == []


def test_no_setting_is_left_out() -> None:
    page = reference.page()
    assert [name for name in Settings.model_fields if f"`{name}" not in page] == []
