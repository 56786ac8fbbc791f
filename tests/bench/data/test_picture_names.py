"""What is a picture by its name, whether or not it can be read."""

import pytest

from bench.data.picture_names import is_picture, is_unreadable


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "folder/a.png", "a.webp", "a.HEIC", "a.dng"])
def test_photographs_are_pictures(name):
    assert is_picture(name)


@pytest.mark.parametrize(
    "name", ["license.pdf", "film.mpg", "a.eps", "scores.h5", "notes", "a.csv"]
)
def test_documents_films_and_tables_are_none(name):
    assert not is_picture(name)


def test_phones_and_cameras_write_what_cannot_be_read():
    assert [name for name in ("a.heic", "a.CR2", "a.jpg") if is_unreadable(name)] == [
        "a.heic",
        "a.CR2",
    ]
