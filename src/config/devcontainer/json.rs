//! JSON with comments and commas after the last item, made plain: comments and such commas become spaces, so that every
//! line and column of what a parser finds is that of the file.

/// Returns the text without comments and without commas before a closing bracket; as long as before, line by line.
///
/// # Errors
/// The line, counted from 1, on which a comment begins that never ends.
pub(super) fn plain(text: &str) -> Result<String, usize> {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    // The last comma, while nothing but space came after it.
    let mut comma = None;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', _) => {
                at = after_text(&bytes, at);
                comma = None;
                continue;
            }
            (b'/', Some(b'/')) => {
                let end = bytes[at..].iter().position(|byte| *byte == b'\n');
                let end = end.map_or(bytes.len(), |length| at + length);
                blank(&mut bytes[at..end]);
                at = end;
                continue;
            }
            (b'/', Some(b'*')) => {
                let end = bytes[at + 2..].windows(2).position(|pair| pair == b"*/");
                let Some(end) = end.map(|length| at + 2 + length + 2) else {
                    return Err(text[..at].split('\n').count());
                };
                blank(&mut bytes[at..end]);
                at = end;
                continue;
            }
            (b',', _) => comma = Some(at),
            (b'}' | b']', _) => {
                if let Some(comma) = comma.take() {
                    bytes[comma] = b' ';
                }
            }
            (byte, _) if !byte.is_ascii_whitespace() => comma = None,
            _ => {}
        }
        at += 1;
    }
    // Only whole comments became spaces, so that it is text still.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the place after a text that begins at `start`; the end where it does not end.
fn after_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_become_spaces() {
        for (text, expect) in [
            ("{\"a\": 1, // one\n}", "{\"a\": 1        \n}"),
            ("[1, /* a\n, b */ 2,\t]", "[1,     \n       2 \t]"),
            (r#"{"a//b": "/* c */, ]", }"#, r#"{"a//b": "/* c */, ]"  }"#),
            (r#"["\",]", 1]"#, r#"["\",]", 1]"#),
            ("[1,, ]", "[1,  ]"),
            ("[,1]", "[,1]"),
            ("\"open,]", "\"open,]"),
            ("\"\\", "\"\\"),
            ("// é\n1", "     \n1"),
        ] {
            assert_eq!(plain(text).as_deref(), Ok(expect), "{text}");
        }
        assert_eq!(plain("{\n /* never"), Err(2));
    }
}
