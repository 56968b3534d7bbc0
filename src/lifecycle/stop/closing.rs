//! What the merge of a generation has beside its work: the version of its tag in `version_file`, and an entry in `changelog`.

use std::path::Path;

use jiff::Timestamp;

use super::changelog;
use super::tasks::MergedTask;
use super::version;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{one_line, size};
use crate::git::{EntryKind, Oid, RefMove, TreeEdit};
use crate::issues::issue::Issues;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::trailer;

/// The largest file that is changed so, in bytes.
const MOST_BYTES: u64 = 1 << 20;

impl Generator {
    /// Returns the tag of a merge that is made now; `None` where none is configured.
    pub(super) fn next_tag(&self, now: Timestamp) -> Result<Option<String>> {
        let Some(pattern) = &self.project.config.tag else {
            return Ok(None);
        };
        let day = now.strftime("%Y%m%d").to_string();
        let taken = self.project.git.tags()?;
        Ok(Some(pattern.next(&day, taken.iter().map(String::as_str))))
    }

    /// Returns the tree of a merge with the version and the entry, where these are configured.
    pub(super) fn closed_tree(
        &self,
        tree: Oid,
        (generation, issues): (&GenerationName, &Issues),
        (tag, now): (Option<&str>, Timestamp),
    ) -> Result<Oid> {
        let config = &self.project.config;
        let mut edit = TreeEdit::default();
        if let (Some(path), Some(tag)) = (&config.version_file, tag) {
            let before = self.text_in(tree, "version_file", path)?;
            let after = version::with_version(&before, tag).ok_or_else(|| {
                let message = format!("`version_file` names `{path}`, in which no version is found for `tag` to replace");
                Error::new(ErrorKind::Precondition, message).hint(
                    "it is found in a file of one word, or behind the name `version` on a line; or unset `version_file`",
                )
            })?;
            edit.write.push((path.into(), after.into_bytes()));
        }
        if let Some(path) = &config.changelog {
            let before = match edit.write.iter().find(|(written, _)| written == Path::new(path)) {
                Some((_, written)) => String::from_utf8_lossy(written).into_owned(),
                None => self.text_in(tree, "changelog", path)?,
            };
            let title = format!("{} - {}", tag.unwrap_or(generation.as_str()), now.strftime("%Y-%m-%d"));
            let mut lines: Vec<_> = MergedTask::all(issues)
                .iter()
                .map(|task| format!("{} ({})", one_line(&task.title, 200), task.id))
                .collect();
            if lines.is_empty() {
                lines.push("Work without tasks.".to_owned());
            }
            let after = changelog::with_entry(&before, &title, &lines);
            edit.write.retain(|(written, _)| written != Path::new(path));
            edit.write.push((path.into(), after.into_bytes()));
        }
        self.project.git.edit_tree(tree, &edit)
    }

    /// Reads a file that the merge is to change, which a key of the configuration names.
    fn text_in(&self, tree: Oid, key: &str, path: &str) -> Result<String> {
        let git = &self.project.git;
        let refuse = |why: &str| {
            let message = format!("`{key}` names `{path}`, and {why}");
            Error::new(ErrorKind::Precondition, message).hint(format!(
                "commit a text file there, or change `{key}`; nothing was changed"
            ))
        };
        match git.kind_at(tree, Path::new(path))? {
            Some(EntryKind::File | EntryKind::Executable) => {}
            Some(_) => return Err(refuse("that is not a file")),
            None => return Err(refuse("the merge has no such file")),
        }
        let blob = git.blob_at(tree, Path::new(path))?;
        let blob = blob.ok_or_else(|| refuse("the merge has no such file"))?;
        if git.blob_size(blob)? > MOST_BYTES {
            return Err(refuse(&format!("that is larger than {}", size(MOST_BYTES))));
        }
        let text = String::from_utf8(git.read_blob(blob)?).ok();
        text.filter(|text| !text.contains('\0'))
            .ok_or_else(|| refuse("that is not UTF-8 text"))
    }

    /// Refuses a merge whose tag somebody else has set meanwhile, or cannot be set.
    /// It may be `prepared` by an earlier `stop`, which has decided on the tag.
    pub(super) fn refuse_taken_tag(&self, merge: Oid, prepared: bool) -> Result<()> {
        let git = &self.project.git;
        let Some(name) = git.commit_info(merge)?.trailer(trailer::TAG) else {
            return Ok(());
        };
        let hint = if prepared {
            "an earlier `cordwainer stop` prepared the merge with this tag: delete that one, and run the command again"
        } else {
            "choose another `tag`, such as one with `{n}`, or delete that one; nothing was changed"
        };
        for tag in git.tags()? {
            let nests = tag.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/'))
                || name.strip_prefix(&tag).is_some_and(|rest| rest.starts_with('/'));
            if nests {
                let message = format!("the tag `{name}` cannot be set beside the tag `{tag}`");
                return Err(Error::new(ErrorKind::Precondition, message).hint(hint));
            }
        }
        match git.tagged(&name)? {
            Some(there) if there != merge => Err(taken(&name).hint(hint)),
            _ => Ok(()),
        }
    }

    /// Sets the tag that a merge on the base branch names, unless it is set. Returns its name.
    pub(super) fn set_tag(&self, merge: Oid) -> Result<Option<String>> {
        let git = &self.project.git;
        let commit = git.commit_info(merge)?;
        let Some(name) = commit.trailer(trailer::TAG) else {
            return Ok(None);
        };
        let is_ours = |there: Option<Oid>| there == Some(merge);
        if is_ours(git.tagged(&name)?) {
            return Ok(Some(name));
        }
        let tag = git.write_tag(&name, merge, commit.subject(), self.project.clock().now())?;
        let reference = format!("refs/tags/{name}");
        match git.move_reference(&reference, None, Some(tag), "cordwainer: stop")? {
            RefMove::Moved => {}
            RefMove::Stale { .. } if is_ours(git.tagged(&name)?) => {}
            RefMove::Stale { .. } => {
                return Err(taken(&name).hint(
                    "the merge is on the base branch; delete or rename that tag, then stop again to end the generation",
                ));
            }
        }
        crash_point!("stop.tagged");
        Ok(Some(name))
    }
}

fn taken(name: &str) -> Error {
    Error::new(ErrorKind::Precondition, format!("the tag `{name}` exists already"))
}
