//! What a run's lines have said already, so that a reason is told once: where an attempt fails, not again where its task
//! is held, where calls pause and where the run ends.

/// The shortest reason that is recognised: shorter ones may stand in another by chance.
const SHORTEST: usize = 8;
/// How many reasons are remembered: only the last ones are still before the reader's eyes.
const REMEMBERED: usize = 6;

/// The last reasons that were said, the newest last.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<String>);

impl Said {
    /// Notes a reason that was said.
    pub(super) fn note(&mut self, reason: &str) {
        let reason = reason.trim_end_matches('.');
        if reason.len() < SHORTEST {
            return;
        }
        self.0.retain(|one| one != reason);
        self.0.push(reason.to_owned());
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
    }

    /// Returns what of a reason was not said yet; `None` where all of it was.
    pub(super) fn news(&self, reason: &str) -> Option<String> {
        let mut news = reason.trim_end_matches('.').to_owned();
        let mut known: Vec<&String> = self.0.iter().collect();
        known.sort_by_key(|one| std::cmp::Reverse(one.len()));
        for said in known {
            if news == *said {
                return None;
            }
            for (before, after) in [(" (", ")"), (": ", ""), ("; the last one: ", "")] {
                let told = format!("{before}{said}{after}");
                // What goes on in the middle of a word or a figure is another reason.
                if let Some((start, end)) = news.split_once(&told)
                    && !end.starts_with(char::is_alphanumeric)
                {
                    news = format!("{start}{end}");
                }
            }
        }
        let news = news.trim_end_matches("; the last one");
        (!news.is_empty()).then(|| news.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once() {
        let mut said = Said::default();
        said.note("gate failed: the gate `make` exited with 1");
        said.note("the gate `make` exited with 1");
        said.note("529 Overloaded.");
        said.note("x");
        for (reason, expect) in [
            ("gate failed: the gate `make` exited with 1", None),
            (
                "3 attempts failed; the last one: gate failed: the gate `make` exited with 1",
                Some("3 attempts failed"),
            ),
            (
                "the infrastructure failed (529 Overloaded)",
                Some("the infrastructure failed"),
            ),
            (
                "the call was refused permanently (529 Overloaded): log in",
                Some("the call was refused permanently: log in"),
            ),
            (
                "the gate `make` exited with 127",
                Some("the gate `make` exited with 127"),
            ),
            (
                "it failed: the gate `make` exited with 127",
                Some("it failed: the gate `make` exited with 127"),
            ),
            ("529 Overloaded.", None),
            ("another thing", Some("another thing")),
        ] {
            assert_eq!(said.news(reason).as_deref(), expect, "{reason}");
        }
    }

    #[test]
    fn what_is_long_ago_is_told_again() {
        let mut said = Said::default();
        for number in 0..=REMEMBERED {
            said.note(&format!("reason number {number}"));
        }
        assert_eq!(said.news("reason number 0").as_deref(), Some("reason number 0"));
        assert_eq!(said.news("reason number 1"), None);
    }
}
