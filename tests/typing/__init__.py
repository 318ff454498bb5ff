"""What type checkers know. mypy and pyright read these files; nothing runs them."""
