"""Counts the words of a text."""

import sys


def count(text):
    return len(text.split())


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(count(file.read()))
