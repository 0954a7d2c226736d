"""What an author's own code is told of a prediction or a model: fields by attribute, or by key.

Add nothing here; what fields there are is said where an entity is made. The original handed over
objects, and challenges written for it read them as such.
"""

from typing import Any


class Entity(dict[str, Any]):
    """A JSON-like object whose fields are attributes as well.

    >>> prediction = Entity(model_id="momentum", score=Entity(value=0.75))
    >>> prediction.score.value == prediction["score"]["value"]
    True
    >>> getattr(prediction, "inference_output", None)
    """

    def __getattr__(self, name: str) -> Any:
        """The field of that name.

        Raises:
            AttributeError: there is none.
        """
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self)
            raise AttributeError(f"there is no {name!r}; there is: {known}") from None
