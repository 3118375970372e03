"""The hub's own key: made once, kept to its owner, and never half of one."""

from pathlib import Path

import pytest

from hub.keys import KeyWrong, secret_key


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "home")
    assert len(key) == 32
    assert secret_key(tmp_path / "home") == key
    assert (tmp_path / "home" / "secret.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "\n", "00", "not hexadecimal", "00" * 31])
def test_an_empty_key_made_query_codes_that_anybody_can_work_out(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "secret.key").write_text(content)
    with pytest.raises(KeyWrong, match="put back"):
        secret_key(tmp_path)
    assert (tmp_path / "secret.key").read_text() == content
