"""Sends many items in batches, several batches at a time, in bounded memory."""

import collections
import concurrent.futures
import itertools

import numpy as np

from .retrying import ServingError


def predict_each(predict, items, batch_size=16, in_flight=4, on_error="raise"):
    """Yields one answer an item, in the items' order.

    Args:
        predict: Function from a list of items to a dictionary of arrays
            `(batch, ...)`; called from several threads at once.
        items: Iterable, of any length; read only as far as needed.
        batch_size: Integer. Items in a request.
        in_flight: Integer. Requests at a time.
        on_error: `"raise"`, or `"return"`: a batch that is refused as a whole is sent
            again one by one, and the `ServingError` of a bad item comes in its place.

    Yields:
        Dictionary of arrays, one of the batch each, or `ServingError`.
    """
    if on_error not in ("raise", "return"):
        raise ValueError(f'on_error is "raise" or "return". Received: {on_error!r}')
    send = _singly(predict) if on_error == "return" else _together(predict)
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        try:
            for batch in _batches(iter(items), batch_size):
                waiting.append(pool.submit(send, batch))
                if len(waiting) == in_flight:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:  # the caller may have stopped asking
            for future in waiting:
                future.cancel()


def stack(items, names):
    """Returns items as one dictionary of inputs.

    Args:
        items: List of dictionaries from input to value, or of values of the one input.
        names: Names of the signature's inputs.
    """
    if not isinstance(items[0], dict):
        if len(names) != 1:
            raise ValueError(f"items must be dictionaries of {', '.join(names)}")
        return {names[0]: _stacked(items)}
    return {name: _stacked([item[name] for item in items]) for name in names}


def _stacked(values):
    return values if isinstance(values[0], (bytes, str)) else np.stack(values)


def _batches(items, size):
    while batch := list(itertools.islice(items, size)):
        yield batch


def _together(predict):
    def send(batch):
        outputs = predict(batch)
        return [
            {name: array[index] for name, array in outputs.items()}
            for index in range(len(batch))
        ]

    return send


def _singly(predict):
    together = _together(predict)

    def send(batch):
        try:
            return together(batch)
        except ServingError as error:
            if error.code != "INVALID_ARGUMENT":
                raise
            if len(batch) == 1:
                return [error]
            return [answer for item in batch for answer in send([item])]

    return send
