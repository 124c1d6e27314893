"""What is secret in a file is found in the forms in which programs want it, and nothing that is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.projects.secret_contents import MOST_VALUES, values_in

# In two parts, so that nobody takes it for one that was left here.
KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
BEGIN = "-----BEGIN PRIVATE {}-----".format("KEY")
SERVICE = {
    "type": "service_account",
    "private_key_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "private_key": f"{BEGIN}\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n",
    "token_uri": "https://oauth2.example.org/token",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("machine api.example.org login ann password s3cr3t-Pw12!\n", ["s3cr3t-Pw12!"]),
        ('machine a\n  login ann\n  password "two words"\ndefault login x password other\n', ["two words", "other"]),
        ("db.example.org:5432:lab:ann:Winter-2026-lab\n*:*:*:ann:a\\:b\\\\c\n", ["Winter-2026-lab", "a:b\\c"]),
        ('{"username":"ann","key":"short-key"}', ["short-key"]),
        ('{"auths": {"r.example.org": {"auth": "YW5u"}}, "list": [{"token": ["t0k3n"]}]}', ["YW5u", "t0k3n"]),
        (f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = wJalr/XUt # mine\n",
         ["wJalr/XUt", KEY_ID]),
        ("export API_TOKEN='a b c'\nDEBUG=true\nHOST=db.example.org\nPASSWORD=\nREGION=eu\n", ["a b c"]),
        ("url: https://cds.example.org/api\nkey: 1234:abcd-ef\n", ["1234:abcd-ef"]),
        ("DATABASE_URL=postgres://ann:p%40ss@db.example.org/lab\n", ["p@ss", "p%40ss"]),
        ("hf_s3cr3t\n", ["hf_s3cr3t"]),
        ("author: Ada Lovelace\ntokenizer: bert\npassenger: many\nname: x\n", []),
        ("machine-readable words only, without any of that", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_secret_is_found(text, found):
    assert list(values_in(text)) == found


def test_the_file_of_a_service_account():
    found = values_in(json.dumps(SERVICE))
    assert SERVICE["private_key"] in found
    assert SERVICE["private_key_id"] in found
    assert SERVICE["token_uri"] not in found


@pytest.mark.timeout(60)
@given(st.text(alphabet=st.sampled_from("ab:=\"'\\{}[]@/ \n\t#1password:key"), max_size=400))
def test_anything_is_read_in_little_time(text):
    assert len(values_in(text)) <= MOST_VALUES


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["[" * 200_000, "a:" * 200_000, "password " * 100_000, '"' * 300_000, "a=" + "\\" * 200_000]
)
def test_long_and_odd_files_are_read_in_little_time(text):
    values_in(text)
