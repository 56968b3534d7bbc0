import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import sizes


class Sizes(unittest.TestCase):
    def test_a_longer_foot_has_a_larger_size(self):
        self.assertGreater(sizes.size(270), sizes.size(240))


if __name__ == "__main__":
    unittest.main()
