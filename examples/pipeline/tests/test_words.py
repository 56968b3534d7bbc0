import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))

import words


class Words(unittest.TestCase):
    def test_words_are_counted(self):
        self.assertEqual(words.count("one two  three\n"), 3)


if __name__ == "__main__":
    unittest.main()
