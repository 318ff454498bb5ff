"""The errors that TikTok reports.

* ConsentRefused    on the authorize page, which does not redirect to the app
* APIError          in a response to the app
* Ineffective       in no response: TikTok reports success
"""

__all__ = ["APIError", "ConsentRefused", "Ineffective"]


class ConsentRefused(Exception):
    """TikTok shows its error page instead of redirecting to the app.

    Attributes:
        error (str): TikTok's error code.
        error_type (str): The parameter or rule that caused the error.
        err_code (int | None): TikTok's error number, if there is one.
        fix (str): What to do about it.
        log_id (str): TikTok's log id of the request.
    """

    def __init__(self, error: str, error_type: str, fix: str, *, err_code: int | None = None) -> None:
        super().__init__(error, error_type, fix)
        self.error = error
        self.error_type = error_type
        self.err_code = err_code
        self.fix = fix
        self.log_id = ""

    def __str__(self) -> str:
        return f"error={self.error} error_type={self.error_type}: {self.fix}"

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters that TikTok appends to the URL of its error page."""
        err_code = {} if self.err_code is None else {"errCode": str(self.err_code)}
        return {"error": self.error, **err_code, "error_type": self.error_type, "logid": self.log_id}


class APIError(Exception):
    """An error response: TikTok's code and description. The inspector also shows `fix`."""

    def __init__(self, error: str, description: str, fix: str, *, status: int = 200) -> None:
        super().__init__(error, description, fix)
        self.error = error
        self.description = description
        self.fix = fix
        self.status = status


class Ineffective(Exception):
    """A request that succeeds and changes nothing. Only the inspector says so, with `fix`."""

    def __init__(self, fix: str) -> None:
        super().__init__(fix)
        self.fix = fix
