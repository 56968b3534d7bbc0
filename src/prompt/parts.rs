//! What a prompt is made of: its sections and the texts in them, with their sizes.

use serde::Serialize;

/// A part of a prompt: a section, or a text of others within one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PromptPart {
    /// The heading that it is below; empty above the first.
    pub section: String,
    /// The label of a text of others, such as a path; `None` for the prompt's own words.
    pub text: Option<String>,
    /// Its size.
    pub bytes: usize,
    /// An estimate: a token is about four bytes of English or code.
    pub tokens: usize,
}

/// Returns the parts of a rendered prompt, in their order. All bytes are in one of them.
pub fn parts(prompt: &str) -> Vec<PromptPart> {
    let mut parts: Vec<PromptPart> = Vec::new();
    let mut section = String::new();
    // The mark of the text that is open, and its label.
    let mut open: Option<(String, String)> = None;
    for line in prompt.split_inclusive('\n') {
        let words = line.trim_end_matches('\n');
        if open.is_none() {
            if let Some(heading) = words.strip_prefix("## ") {
                heading.clone_into(&mut section);
            }
            if let Some((mark, label)) = words.strip_prefix("<<<").and_then(|rest| rest.split_once(' ')) {
                open = Some((mark.to_owned(), label.to_owned()));
            }
        }
        let text = open.as_ref().map(|(_, label)| label.clone());
        match parts.last_mut() {
            Some(last) if last.section == section && last.text == text => last.bytes += line.len(),
            _ => parts.push(PromptPart {
                section: section.clone(),
                text,
                bytes: line.len(),
                tokens: 0,
            }),
        }
        if open
            .as_ref()
            .is_some_and(|(mark, _)| words.strip_suffix(">>>") == Some(mark))
        {
            open = None;
        }
    }
    for part in &mut parts {
        part.tokens = part.bytes.div_ceil(4);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_a_part_and_headings_of_others_make_none() {
        let prompt = "You measure.\n\n## Documents\n\n<<<ab12 docs/a.md\n## Not a section\ntext\nab12>>>\n\n## The answer\n\nJSON.\n";
        let found = parts(prompt);
        let told: Vec<_> = found
            .iter()
            .map(|part| (part.section.as_str(), part.text.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("", None),
                ("Documents", None),
                ("Documents", Some("docs/a.md")),
                ("Documents", None),
                ("The answer", None)
            ]
        );
        assert_eq!(found.iter().map(|part| part.bytes).sum::<usize>(), prompt.len());
    }
}
