"""Says which size a foot has: docs/sizes.md."""

import sys


def size(millimetres):
    exact = millimetres * 0.15 + 2.7
    return int(exact)


if __name__ == "__main__":
    print(size(float(sys.argv[1])))
