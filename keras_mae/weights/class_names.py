"""Names of a classifier's classes, as files tell them."""

from ..program import InputError


def labels_of(class_names, num_classes):
    """Returns the names that Hugging Face wants for each class, by number.

    Args:
        class_names: Names, or `None` for transformers' own stand-ins.
        num_classes: Integer.
    """
    return dict(enumerate(class_names or map(_stand_in, range(num_classes))))


def told_class_names(source, num_classes):
    """Returns the names of a file's classes, or `None` where it tells none.

    Args:
        source: The `Source`.
        num_classes: Integer, by the tensors.

    Raises:
        ValueError: What this package wrote names another number of classes.
    """
    names = source.metadata.class_names
    if names is None:
        return _of_labels(source.config.get("id2label"), num_classes)
    if len(names) != num_classes:
        raise InputError(
            f"{source.path} is damaged: it must name each of its {num_classes} "
            f"classes. Received: {len(names)} names"
        )
    return names


def _of_labels(labels, num_classes):
    """Returns the names in an `id2label`; those of others may be anything."""
    if not isinstance(labels, dict) or len(labels) != num_classes:
        return None
    names = [labels.get(str(i)) for i in range(num_classes)]
    if not all(isinstance(name, str) for name in names):
        return None
    return None if names == list(map(_stand_in, range(num_classes))) else names


def _stand_in(number):
    return f"LABEL_{number}"
