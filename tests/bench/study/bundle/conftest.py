"""A study, its bundle, and what has to come of one that is refused."""

import bundle_maker
import pytest
from bundle_maker import Parts

from bench.errors import InputError
from bench.study.bundle import bundle
from bench.study.unbundle import unbundle


@pytest.fixture
def study(tmp_path):
    return bundle_maker.make_study(tmp_path / "mine" / "study")


@pytest.fixture
def bundled(study, tmp_path):
    bundle(study, tmp_path / "study.zip", version="0.1.0")
    return tmp_path / "study.zip"


@pytest.fixture
def parts(bundled):
    return Parts.read(bundled)


@pytest.fixture
def refused(tmp_path):
    """Unpack a file, of which nothing but one line has to come."""

    def refused(file, message):
        out = tmp_path / "deep" / "out"
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match=message) as told:
            unbundle(file, out)
        assert str(told.value).isprintable()
        assert str(told.value).startswith(f"{file}: ")
        left = set(tmp_path.rglob("*")) - set(before)
        assert left <= {out.parent}

    return refused
