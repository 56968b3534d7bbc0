//! Which lines of a YAML file belong to a step or a job whose failure does not count, or that never runs.

use crate::project::tampering::pattern::pattern;

/// Returns, for each line, the setting by which the failure of what stands there is ignored; `None` where it counts.
pub(super) fn ignored(text: &str) -> Vec<Option<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = vec![None; lines.len()];
    let lax = pattern!(
        r"(?i)^(?:continue-on-error:\s*['\x22]?(?:true|\$\{\{\s*true\s*\}\})|continueOnError:\s*true|allow_failure:\s*true|allow_failures:\s*true|soft_fail:\s*true|failure:\s*ignore|if:\s*['\x22]?(?:false|\$\{\{\s*false\s*\}\})|when:\s*(?:never|manual)\b|condition:\s*false|enabled:\s*false)"
    );
    // Files of people have few of them, and each costs the lines around it.
    let marks = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| lax.is_match(key_of(line)))
        .take(100);
    for (index, line) in marks {
        let setting = key_of(line).trim().to_owned();
        let (from, to) = mapping(&lines, index);
        for entry in &mut found[from..to] {
            *entry = Some(setting.clone());
        }
    }
    found
}

/// Returns a line from its key on: without indentation and the sign of a list.
fn key_of(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("- ").map_or(line, str::trim_start)
}

/// Returns the lines of the mapping that the key in a line belongs to, with all that is below.
fn mapping(lines: &[&str], index: usize) -> (usize, usize) {
    let column = |line: &str| line.len() - key_of(line).len();
    let is_empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let own = column(lines[index]);
    let begins_item = |line: &str| line.trim_start().starts_with("- ") && column(line) == own;
    let mut from = index;
    while from > 0 && !begins_item(lines[from]) {
        let above = lines[from - 1];
        if !is_empty(above) && column(above) < own {
            break;
        }
        from -= 1;
    }
    let mut to = index + 1;
    while to < lines.len() {
        let line = lines[to];
        if !is_empty(line) && (column(line) < own || begins_item(line)) {
            break;
        }
        to += 1;
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_belongs_to_its_step_or_to_its_job() {
        let text = "jobs:\n  a:\n    steps:\n      - run: b\n      - run: c\n        continue-on-error: true\n      - run: d\n  e:\n    if: false\n    steps:\n      - run: f\n";
        let found: Vec<usize> = ignored(text)
            .iter()
            .enumerate()
            .filter(|(_, setting)| setting.is_some())
            .map(|(index, _)| index)
            .collect();
        assert_eq!(found, [4, 5, 8, 9, 10]);
    }
}
