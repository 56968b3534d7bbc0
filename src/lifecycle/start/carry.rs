//! Which ended generation a new one takes undone tasks from.

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::issue::Issues;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::lifecycle::start::CarryFrom;

impl Generator {
    /// Reads the tasks of the ended generation that is meant: the one named, or the last one that was started or switched
    /// to.
    pub(super) fn ended_tasks(&self, from: &CarryFrom) -> Result<Issues> {
        let name = match from {
            CarryFrom::Named(name) => name.clone(),
            CarryFrom::Last => self.project.current()?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Precondition,
                    "there is no earlier generation to carry tasks over from",
                )
            })?,
        };
        let prefixed = format!("{}{name}", self.project.config.gen_prefix);
        if let Some(ended) = self.project.last_ended(&[&name, &prefixed])? {
            return Store::archived(&self.project.git, &ended.archive.unwrap_or_default())?.read();
        }
        let open = self.project.generations()?;
        let is_open = open
            .iter()
            .any(|open| [&name, &prefixed].contains(&&open.as_str().to_owned()));
        let (what, hint) = if is_open {
            (
                "is still open",
                "end it with `cordwainer stop`, or name an ended one: `--carry NAME`",
            )
        } else {
            ("has not ended or never was", "`cordwainer list` shows the ended ones")
        };
        let message = format!(
            "cannot carry tasks over: the generation `{}` {what}",
            name.escape_debug()
        );
        Err(Error::new(ErrorKind::Precondition, message).hint(hint))
    }
}
