//! Sessions: what `--resume` needs to go on where a call ended.
//!
//! A session is one file where the client has its own, `$HOME/.claude/projects/<folder>/<session>.jsonl`, in a format
//! of this agent: one line of JSON, written anew after each step, so that a kill leaves the last step done.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::usage::ByModel;

/// One session, as far as it has got.
#[derive(Clone, Default)]
pub(crate) struct Session {
    /// The prompt that began it: its script is followed.
    pub(crate) prompt: String,
    /// The line of the script whose step was done last.
    pub(crate) done: usize,
    /// Messages so far, which their ids count on.
    pub(crate) messages: u32,
    /// What was used so far.
    pub(crate) used: ByModel,
    /// What `propose` answered.
    pub(crate) proposals: Option<Value>,
    /// What `answer` answered.
    pub(crate) answer: Option<String>,
}

impl Session {
    /// A session in which nothing is done yet.
    pub(crate) fn begin(prompt: &str) -> Self {
        Self {
            prompt: prompt.to_owned(),
            ..Self::default()
        }
    }

    /// Reads a session; `None` when there is none of that id that can be read.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let record: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let number = |name: &str| record[name].as_u64();
        Some(Self {
            prompt: record["prompt"].as_str()?.to_owned(),
            done: usize::try_from(number("done")?).ok()?,
            messages: u32::try_from(number("messages")?).ok()?,
            used: ByModel::of_json(&record["used"]),
            proposals: record.get("proposals").filter(|value| !value.is_null()).cloned(),
            answer: record["answer"].as_str().map(str::to_owned),
        })
    }

    /// Writes the session so that it outlives a kill, of the machine, too.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let record = json!({"prompt": self.prompt, "done": self.done, "messages": self.messages,
            "used": self.used.json(), "proposals": self.proposals, "answer": self.answer});
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        writeln!(file, "{record}")?;
        file.sync_data()?;
        fs::rename(new, path)
    }
}

/// Where the session of that id is kept; `None` without a home or a working directory.
pub(crate) fn path(id: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the real client keeps its sessions there, too")]
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    let folder = std::env::current_dir().ok()?;
    let slug = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let project = Path::new(&home)
        .join(".claude/projects")
        .join(slug(&folder.to_string_lossy()));
    Some(project.join(format!("{}.jsonl", slug(id))))
}
