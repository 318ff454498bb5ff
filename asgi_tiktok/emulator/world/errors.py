"""
What TikTok says no to:

* ConsentRefused    on the authorize page; the browser stays there and the app never hears of it
* Refused           in an answer to the app
"""

__all__ = ["APIError", "ConsentRefused"]


class ConsentRefused(Exception):
    """The authorize page shows a fault of the request instead of going back to the app."""

    def __init__(self, error: str, error_type: str, cure: str, *, err_code: int | None = None) -> None:
        super().__init__(error, error_type, cure)
        self.error = error
        self.error_type = error_type
        self.err_code = err_code
        self.cure = cure
        self.log_id = ""

    def __str__(self) -> str:
        return f"error={self.error} error_type={self.error_type}: {self.cure}"

    @property
    def parameters(self) -> dict[str, str]:
        """What TikTok appends to the address of its own page."""
        err_code = {} if self.err_code is None else {"errCode": str(self.err_code)}
        return {"error": self.error, **err_code, "error_type": self.error_type, "logid": self.log_id}


class APIError(Exception):
    """A request of the app is turned down, in TikTok's words and with our cure."""

    def __init__(self, error: str, description: str, cure: str, *, status: int = 200) -> None:
        super().__init__(error, description, cure)
        self.error = error
        self.description = description
        self.cure = cure
        self.status = status
