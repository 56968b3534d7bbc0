//! What libFuzzer says on stderr, read for people.

/// How much of it is shown of a failure.
const LINES: usize = 30;

/// One line on a run without a finding: how much was tried, and how much of the code was reached.
pub(super) fn summary(name: &str, said: &str) -> String {
    let runs = after(said, "stat::number_of_executed_units:").unwrap_or("?");
    let first = said.lines().find_map(|line| after(line, " cov: ")).unwrap_or("?");
    let last = said.lines().rev().find_map(|line| after(line, " cov: ")).unwrap_or("?");
    format!("{name}: {runs} inputs, no finding; {last} branches reached, {first} by the first inputs")
}

/// The file of the input that was found.
pub(super) fn finding(said: &str) -> Option<&str> {
    after(said, "Test unit written to ")
}

/// The end of it.
pub(super) fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// The word that follows `mark` where it stands last.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.rsplit_once(mark)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
INFO: seed corpus: files: 3 min: 1b max: 9b total: 12b rss: 28Mb
#4	INITED cov: 12 ft: 15 corp: 3/12b exec/s: 0 rss: 28Mb
#900	NEW    cov: 40 ft: 61 corp: 7/31b lim: 177 exec/s: 0 rss: 28Mb
Done 900 runs in 2 second(s)
stat::number_of_executed_units: 900
";

    #[test]
    fn a_run_without_a_finding_is_summed_up() {
        let expect = "stream: 900 inputs, no finding; 40 branches reached, 12 by the first inputs";
        assert_eq!(summary("stream", SAID), expect);
        assert_eq!(finding(SAID), None);
    }

    #[test]
    fn a_finding_is_named() {
        let said = "panicked\nartifact_prefix='f/'; Test unit written to f/crash-1\nBase64: eA==\n";
        assert_eq!(finding(said), Some("f/crash-1"));
        assert_eq!(last_lines(&"x\n".repeat(99)).lines().count(), LINES);
    }
}
