//! The settings of runners of tests that leave tests out or let them fail.

use std::collections::BTreeMap;

use regex::Regex;

use super::change::FileChange;
use super::finding::{Finding, FindingKind};
use super::pattern::pattern;

/// Returns whether a file has settings of a runner of tests, of coverage or of a build that runs tests.
pub(super) fn is_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    is_of_coverage(name) || words_of(name).is_some()
}

/// Returns whether a file has nothing but settings of coverage.
pub(super) fn is_of_coverage(name: &str) -> bool {
    pattern!(r"^(?:\.nycrc(?:\..*)?|nyc\.config\..*|\.c8rc(?:\..*)?|\.?codecov\.ya?ml|\.coveragerc|\.?tarpaulin\.toml|coveralls\.json|\.testcoverage\.ya?ml|\.simplecov|infection\.json5?)$")
        .is_match(name)
}

/// Returns the words by which settings of a file leave tests out.
fn words_of(name: &str) -> Option<&'static Regex> {
    let words: [(&Regex, &'static Regex); 9] = [
        (
            pattern!(r"^(?:pytest\.ini|\.pytest\.ini|pyproject\.toml|setup\.cfg|tox\.ini|conftest\.py|noxfile\.py)$"),
            pattern!(
                r"--ignore(?:-glob)?[= ][^\s\x22']+|--deselect[= ][^\s\x22']+|-[km][ =]?[\\\x22']*not\b[^\x22'\n]*|\bcollect_ignore\w*\b|-p no:\S+"
            ),
        ),
        (
            pattern!(
                r"^(?:package\.json|(?:jest|vitest|vite|playwright|karma)\.[\w.]*[cm]?[jt]s(?:on)?|jest\.config\.json)$"
            ),
            pattern!(
                r"\btestPathIgnorePatterns\b[^\n]*|\bpassWithNoTests\b[\x22']?\s*:\s*true|\btestIgnore\b[^\n]*|\bdangerouslyIgnoreUnhandledErrors\b[\x22']?\s*:\s*true|\ballowOnly\b[\x22']?\s*:\s*true"
            ),
        ),
        (
            pattern!(r"^\.mocharc(?:\..*)?$"),
            pattern!(r"[\x22']?\b(?:ignore|exclude|invert|grep)\b[\x22']?\s*:[^\n]*"),
        ),
        (
            pattern!(r"^Cargo\.toml$"),
            pattern!(r"(?m)^\s*(?:test|autotests|doctest)\s*=\s*false"),
        ),
        (
            pattern!(r"^pom\.xml$"),
            pattern!(
                r"<(?:skipTests|skipITs|maven\.test\.skip|testFailureIgnore|maven\.test\.failure\.ignore|haltOnFailure)>\s*\w+|<excludedGroups>[^<]*"
            ),
        ),
        (
            pattern!(r"^(?:build|settings)\.gradle(?:\.kts)?$"),
            pattern!(
                r"\bignoreFailures\s*(?:=|\.set\()?\s*true|\bexcludeTestsMatching\b[^\n]*|\bexcludeTags\b[^\n]*|\bfailOnNoMatchingTests\s*=\s*false|\bonlyIf\s*\{\s*false"
            ),
        ),
        (
            pattern!(r"^phpunit(?:\.dist)?\.xml(?:\.dist)?$"),
            pattern!(r"<exclude>[^<]*|\bfailOn\w+=\x22false\x22"),
        ),
        (
            pattern!(
                r"^(?:\.rspec|test_helper\.exs|spec_helper\.rb|rails_helper\.rb|mix\.exs|\.runsettings|CTestCustom\.cmake|CMakeLists\.txt)$"
            ),
            pattern!(
                r"--tag\s+~\S+|\bExUnit\.(?:start|configure)\([^\n)]*\bexclude\b[^\n]*|\bfilter_run_excluding\b[^\n]*|\bCTEST_CUSTOM_TESTS_IGNORE\b|\bDISABLED\s+(?:TRUE|ON|1)|\bWILL_FAIL\s+(?:TRUE|ON|1)|\bsummary:\s*\[[^\]]*threshold:\s*0\b"
            ),
        ),
        (
            pattern!(r"^(?:\.simplecov|coverlet\.runsettings|Directory\.Build\.props)$|\.csproj$"),
            pattern!(r"<IsTestProject>\s*false"),
        ),
    ];
    words
        .into_iter()
        .find(|(names, _)| names.is_match(name))
        .map(|(_, words)| words)
}

/// Finds settings that are new and leave tests out, in files that were there before.
pub(super) fn find(changes: &[FileChange]) -> Vec<Finding> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    let sides = |path: &Option<String>, text: &Option<String>| {
        let (path, text) = (path.as_deref()?, text.as_deref()?);
        let words = words_of(path.rsplit('/').next()?)?;
        Some((path.to_owned(), text.to_owned(), words))
    };
    for (_, text, words) in changes
        .iter()
        .filter_map(|change| sides(&change.old_path, &change.before))
    {
        for word in words.find_iter(&text) {
            *known.entry(plain(word.as_str())).or_default() += 1;
        }
    }
    let modified = changes.iter().filter(|change| change.before.is_some());
    for (path, text, words) in modified.filter_map(|change| sides(&change.new_path, &change.after)) {
        let (mut line, mut counted) = (1, 0);
        for word in words.find_iter(&text) {
            line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..word.start()]).count();
            counted = word.start();
            match known.get_mut(&plain(word.as_str())) {
                Some(count @ 1..) => *count -= 1,
                _ => found.push(Finding {
                    path: path.clone(),
                    line,
                    what: format!(
                        "tests are left out, or may fail: `{}`",
                        crate::base::text::one_line(word.as_str().trim(), 80)
                    ),
                    kind: FindingKind::Ci,
                }),
            }
        }
    }
    found
}

fn plain(word: &str) -> String {
    word.split_whitespace().collect()
}
