"""Names that participants chose reach nobody with what cannot be seen in them."""

import json

import pytest

from tests.api.conftest import execute, serving
from tests.api.test_leaderboard import revise
from tests.support.challenges import START, WINDOW

ODD = ("\u202egnp.exe", "a\x00b", "two\r\nlines", "a\u200bb", "a\u2028b", "\x1b[31mred", "\u2066x")
UNSEEN = set("\u202e\x00\r\n\u200b\u2028\x1b\u2066")


@pytest.mark.parametrize("odd", ODD)
def test_a_name_is_shown_without_what_controls_or_hides(copied, odd):
    execute(
        copied,
        "UPDATE model_memberships SET name = ?, owner = ? WHERE model_id = 'half'",
        odd.replace("\x00", "\x01"),
        odd.replace("\x00", "\x01"),
    )

    def renamed(text: str) -> str:
        entries = json.loads(text)
        for entry in entries:
            entry |= {"model_name": odd.replace("\x00", "\x01"), "cruncher_name": "\u202dx"}
        return json.dumps(entries)

    revise(copied, START + 4 * WINDOW, renamed)
    with serving(copied.challenge, copied.url) as client:
        for path in ("/reports/leaderboard", "/reports/models", "/reports/leaderboard/diff"):
            told = client.get(path).json()
            names = json.dumps(told, ensure_ascii=False)
            assert "half" in names
            assert not UNSEEN.intersection(names)
            assert "\\u0001" not in names
            assert "\\n" not in names
        for path in ("/", "/models/half"):
            page = client.get(path)
            assert page.status_code == 200
            assert not (UNSEEN - {"\n"}).intersection(page.text)


def test_a_name_keeps_its_letters_in_every_script(copied):
    name = (
        "модель \N{ARABIC LETTER BEH}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER BEH} 模型 \U0001f680"
    )
    execute(copied, "UPDATE model_memberships SET name = ? WHERE model_id = 'half'", name)
    with serving(copied.challenge, copied.url) as client:
        assert name in {row["model_name"] for row in client.get("/reports/models").json()}
