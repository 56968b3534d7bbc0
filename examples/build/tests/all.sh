# Runs each test of this folder; there is none before the first group is built.
set -e
for test in tests/test_*.sh; do
  [ ! -e "$test" ] || sh "$test"
done
