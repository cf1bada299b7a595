from trunkline.dashboard.sealing import csrf_of, key_of_password, key_of_secret, name_of, new_secret, seal, unseal


def test_what_is_sealed_opens_with_the_same_key_and_purpose_only() -> None:
    secret = new_secret()
    sealed = seal(key_of_secret(secret), "tk_key", "session")
    assert unseal(key_of_secret(secret), sealed, "session") == "tk_key"
    assert unseal(key_of_secret(new_secret()), sealed, "session") is None
    assert unseal(key_of_secret(secret), sealed, "link") is None
    assert unseal(key_of_secret(secret), sealed[:-1] + bytes([sealed[-1] ^ 1]), "session") is None
    assert b"tk_key" not in sealed


def test_name_key_and_form_token_of_a_secret_are_three_things() -> None:
    secret = new_secret()
    assert len({name_of(secret), key_of_secret(secret), bytes.fromhex(csrf_of(secret)), secret.encode()}) == 4


def test_a_password_is_stretched_with_its_salt() -> None:
    one, other = bytes(16), bytes([1] * 16)
    assert key_of_password("correct horse", one) == key_of_password("correct horse", one) != key_of_password("correct horse", other)
