//! A file that holds the version of a project, with another version. Pure.

/// Returns the version that a tag says: `1.20261130.1` for `v1.20261130.1`.
pub(super) fn of_tag(tag: &str) -> &str {
    let digit = tag.find(|character: char| character.is_ascii_digit());
    digit.map_or(tag, |at| &tag[at..])
}

/// Returns a file with the version of a tag in the place of its own: a file of one word is the version; in another one it is
/// the first thing that looks like a version behind the word `version` on a line. `None` where there is no such place.
pub(super) fn with_version(text: &str, tag: &str) -> Option<String> {
    let version = of_tag(tag);
    let word = text.trim();
    let written = |old: &str| {
        let mark = if old.starts_with('v') { "v" } else { "" };
        format!("{mark}{version}")
    };
    if word.is_empty() {
        return Some(format!("{version}\n"));
    }
    if !word.contains(char::is_whitespace) {
        return Some(text.replacen(word, &written(word), 1));
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some((begin, end)) = place_in(line) {
            let (begin, end) = (at + begin, at + end);
            return Some(format!(
                "{}{}{}",
                &text[..begin],
                written(&text[begin..end]),
                &text[end..]
            ));
        }
        at += line.len();
    }
    None
}

/// Returns where a line holds a version: behind the word for it, which nothing is set before on the line, so that it is not
/// that of something else, such as a dependency.
fn place_in(line: &str) -> Option<(usize, usize)> {
    const WORD: &str = "version";
    let is_name = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    let word = line.to_ascii_lowercase().find(WORD)?;
    let (before, after) = (&line[..word], &line[word + WORD.len()..]);
    let name_begins = before.trim_end_matches(is_name).len();
    let name_ends = line.len() - after.trim_start_matches(is_name).len();
    let name = line[name_begins..name_ends].trim_matches('_');
    if !name.eq_ignore_ascii_case(WORD) || before.contains(['=', ':', '{', '<']) {
        return None;
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || ".-+_".contains(character);
    let mut from = name_ends;
    loop {
        let begin = from + line[from..].find(|character: char| character.is_ascii_alphanumeric())?;
        let end = line[begin..]
            .find(|character: char| !is_part(character))
            .map_or(line.len(), |length| begin + length);
        let digits = line[begin..end].strip_prefix('v').unwrap_or(&line[begin..end]);
        if digits.starts_with(|character: char| character.is_ascii_digit()) && digits.contains('.') {
            return Some((begin, end));
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: Option<&str>) {
        assert_eq!(with_version(before, "v1.20261130.2").as_deref(), after, "{before}");
    }

    #[test]
    fn a_version_is_replaced_where_it_stands() {
        check("0.1.0\n", Some("1.20261130.2\n"));
        check("v0", Some("v1.20261130.2"));
        check("", Some("1.20261130.2\n"));
        check(
            "[package]\nname = \"x\"\nversion = \"0.1.0-rc.1+a\" # ours\nedition = \"2024\"\n",
            Some("[package]\nname = \"x\"\nversion = \"1.20261130.2\" # ours\nedition = \"2024\"\n"),
        );
        check(
            "package x\n\nconst Version = \"v0.20250101.0\"\n",
            Some("package x\n\nconst Version = \"v1.20261130.2\"\n"),
        );
        check(
            "{\n  \"name\": \"x\",\n  \"version\": \"1.0.0\"\n}\n",
            Some("{\n  \"name\": \"x\",\n  \"version\": \"1.20261130.2\"\n}\n"),
        );
        check(
            "# The version\n__version__ = '0.1'\n",
            Some("# The version\n__version__ = '1.20261130.2'\n"),
        );
    }

    #[test]
    fn a_file_without_one_has_no_place() {
        check("two words\n", None);
        check("the version is unknown\n1.0 is here\n", None);
        check("version = 3\n", None);
        check(
            "rust-version = \"1.85\"\nserde = {version = \"1.0\"}\nschemaVersion: 1.2\n",
            None,
        );
    }

    #[test]
    fn a_version_is_what_a_tag_says_from_its_first_digit_on() {
        assert_eq!(of_tag("v1.2"), "1.2");
        assert_eq!(of_tag("release/2026.1"), "2026.1");
        assert_eq!(of_tag("latest"), "latest");
    }
}
