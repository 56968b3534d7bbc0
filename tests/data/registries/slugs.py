"""The package `example-slugs` of the private index that `examples/web-python` depends on."""

import re


def slug(title):
    """Writes a title as a part of an address: words of small letters and digits, with hyphens between them."""
    return "-".join(re.findall("[a-z0-9]+", title.lower()))
