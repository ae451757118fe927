from gateway.rights.pairing_codes import ALPHABET, LENGTH, hash_code, new_code, read_code


def test_a_code_has_no_letters_that_people_mistake_for_one_another() -> None:
    code = new_code()

    assert len(code) == LENGTH == 8
    assert set(code) <= set(ALPHABET)
    assert not set(ALPHABET) & set("0O1IL")


def test_codes_are_drawn_anew() -> None:
    assert len({new_code() for _ in range(100)}) == 100


def test_a_code_is_read_however_it_was_typed() -> None:
    assert read_code(" abcd-2345 ") == "ABCD2345"
    assert read_code("ABCD 2345") == "ABCD2345"


def test_what_is_no_code_is_not_read_as_one() -> None:
    assert read_code("ABCD234") is None
    assert read_code("ABCD2340") is None
    assert read_code("") is None


def test_a_hash_is_stable_and_does_not_show_the_code() -> None:
    assert hash_code("ABCD2345") == hash_code("ABCD2345")
    assert hash_code("ABCD2345") != hash_code("ABCD2346")
    assert len(hash_code("ABCD2345")) == 64
    assert "ABCD2345" not in hash_code("ABCD2345")
