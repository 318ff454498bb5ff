"""Code that several tests share. It imports no test module and no conftest."""
