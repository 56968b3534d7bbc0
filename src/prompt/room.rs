//! How much of documents a prompt has room for. A document is given whole or is named: none is cut.

use super::context::Omitted;
use crate::base::text::one_line;

/// The most documents that are named in the line for a person.
const MOST_NAMED: usize = 5;

/// The room of one prompt, and what had none.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
    left: usize,
    crowded_out: Vec<Omitted>,
}

impl Room {
    /// Returns room for so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            bytes,
            left: bytes,
            crowded_out: Vec::new(),
        }
    }

    /// Takes up the room of a document's text, or returns what the prompt says of one for which there is none. A document that
    /// is too large does not keep a later, smaller one out.
    pub(crate) fn give(&mut self, path: &str, bytes: usize) -> Result<(), Omitted> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.leave_out(path, bytes)),
        }
    }

    /// Leaves a document out that has no room in any prompt.
    pub(crate) fn leave_out(&mut self, path: &str, bytes: usize) -> Omitted {
        let omitted = Omitted {
            path: path.to_owned(),
            bytes,
        };
        self.crowded_out.push(omitted.clone());
        omitted
    }

    /// Returns the line for a person on what had no room, by the key that says how much there is.
    pub(crate) fn said(&self, key: &str) -> Option<String> {
        let named: Vec<_> = self
            .crowded_out
            .iter()
            .take(MOST_NAMED)
            .map(|one| format!("`{}` ({} bytes)", one_line(&one.path, 200), one.bytes))
            .collect();
        let more = self.crowded_out.get(MOST_NAMED..).unwrap_or_default();
        let more_bytes: usize = more.iter().map(|one| one.bytes).sum();
        let more = match more.len() {
            0 => String::new(),
            count => format!(", and {count} more ({more_bytes} bytes)"),
        };
        (!named.is_empty()).then(|| {
            format!(
                "the prompt names these documents instead of giving them, since `{key}` has room for {} bytes: {}{more}",
                self.bytes,
                named.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_named_and_keeps_no_smaller_one_out() {
        let mut room = Room::of(10);
        let large = Omitted {
            path: "docs/large.md".to_owned(),
            bytes: 8,
        };
        assert_eq!(room.said("measure.context_bytes"), None);
        assert_eq!(room.give("a.md", 4), Ok(()));
        assert_eq!(room.give("docs/large.md", 8), Err(large));
        assert_eq!(room.give("b.md", 6), Ok(()));
        for number in 0..6 {
            assert!(room.give(&format!("{number}.md"), 3).is_err());
        }
        assert_eq!(
            room.said("measure.context_bytes").as_deref(),
            Some(
                "the prompt names these documents instead of giving them, since `measure.context_bytes` has room for 10 \
                 bytes: `docs/large.md` (8 bytes), `0.md` (3 bytes), `1.md` (3 bytes), `2.md` (3 bytes), `3.md` (3 bytes), \
                 and 2 more (6 bytes)"
            )
        );
    }
}
