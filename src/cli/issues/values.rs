//! The values that options of `cordwainer issues` take, where there are only so many: help lists them, and an error names
//! them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::issues::group::Effort;
use crate::issues::issue::{Status, TYPES};

/// Parses a status by the word that people read. JSON has `blocked` for `held`, so that is accepted, too.
pub(super) fn status() -> impl TypedValueParser<Value = Status> {
    let known = [Status::Open, Status::InProgress, Status::Blocked, Status::Closed];
    let value = |status: Status| PossibleValue::new(status.word());
    let values = known.map(|status| match status {
        Status::InProgress => value(status).alias("in-progress"),
        Status::Blocked => value(status).alias("blocked"),
        Status::Open | Status::Closed => value(status),
    });
    PossibleValuesParser::new(values).try_map(move |typed| {
        let typed = typed.replace('-', "_");
        let named = |status: &Status| status.word() == typed || status.to_string() == typed;
        let found = known.into_iter().find(named);
        found.ok_or_else(|| format!("there is no status `{typed}`"))
    })
}

/// Parses a priority.
pub(super) fn priority() -> impl TypedValueParser<Value = u8> {
    PossibleValuesParser::new(["0", "1", "2", "3", "4"]).try_map(|typed| typed.parse::<u8>())
}

/// Parses how hard a group is.
pub(super) fn effort() -> impl TypedValueParser<Value = Effort> {
    PossibleValuesParser::new(Effort::ALL.map(Effort::name)).try_map(|typed| {
        let found = Effort::ALL.into_iter().find(|effort| effort.name() == typed);
        found.ok_or_else(|| format!("there is no effort `{typed}`"))
    })
}

/// Parses a type that people may give to a task.
pub(super) fn issue_type() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(TYPES)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;
    use crate::issues::issue::PRIORITY_MAX;

    /// Parses one value; returns its error up to the tips.
    fn parsed<T: Clone + Send + Sync + 'static>(
        parser: impl TypedValueParser<Value = T>,
        typed: &str,
    ) -> Result<T, String> {
        let argument = Arg::new("value").value_parser(parser);
        let matches = clap::Command::new("x").arg(argument).try_get_matches_from(["x", typed]);
        let found = matches.map(|matches| matches.get_one::<T>("value").cloned());
        let found = found.map_err(|error| error.render().to_string())?;
        found.ok_or_else(|| "nothing".to_owned())
    }

    #[test]
    fn a_status_is_one_of_four_words() {
        for (typed, status) in [
            ("open", Status::Open),
            ("held", Status::Blocked),
            ("blocked", Status::Blocked),
            ("in_progress", Status::InProgress),
            ("in-progress", Status::InProgress),
            ("closed", Status::Closed),
        ] {
            assert_eq!(parsed(self::status(), typed), Ok(status), "{typed}");
        }
        let error = parsed(status(), "close").unwrap_err();
        assert!(
            error.contains("[possible values: open, in_progress, held, closed]"),
            "{error}"
        );
        assert!(error.contains("a similar value exists: 'closed'"), "{error}");
    }

    #[test]
    fn priorities_are_those_of_a_task() {
        for priority in 0..=PRIORITY_MAX {
            assert_eq!(parsed(self::priority(), &priority.to_string()), Ok(priority));
        }
        let error = parsed(priority(), &(PRIORITY_MAX + 1).to_string()).unwrap_err();
        assert!(error.contains("[possible values: 0, 1, 2, 3, 4]"), "{error}");
    }
}
