"""Tries again what a busy or absent server refused, until a deadline."""

import random
import time

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds


class ServingError(Exception):
    """A request was not answered.

    Attributes:
        code: Name of a gRPC status code, such as `"INVALID_ARGUMENT"`.
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code

    def __reduce__(self):  # so that it passes between processes
        return type(self), (self.code, str(self).partition(": ")[2])


def retry(send, seconds):
    """Returns what `send` returns, trying again while the server is unavailable.

    Asking for a prediction twice does no harm, so that a lost answer is asked for
    again, too. Pauses double, and are random, lest all clients come back at once.

    Args:
        send: Function of the seconds that are left; raises `ServingError`.
        seconds: Float. The deadline, for all tries and pauses together.

    Raises:
        ServingError: Any other than UNAVAILABLE at once; DEADLINE_EXCEEDED at the end.
    """
    end = time.monotonic() + seconds
    pause, last = FIRST_PAUSE, "no answer"
    while (left := end - time.monotonic()) > 0:
        try:
            return send(left)
        except ServingError as error:
            if error.code != "UNAVAILABLE":
                raise
            last = str(error)
        left = end - time.monotonic()
        time.sleep(max(0, min(pause * random.uniform(0.5, 1), left)))
        pause = min(2 * pause, LONGEST_PAUSE)
    raise ServingError(
        "DEADLINE_EXCEEDED", f"not answered in {seconds} s; last: {last}"
    )
