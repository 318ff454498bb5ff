import pytest

# A failed assertion in a helper then shows its values, as in a test.
pytest.register_assert_rewrite("tests.support")
