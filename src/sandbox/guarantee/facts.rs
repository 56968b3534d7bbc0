//! What a container reports about itself: the text that its entrypoint sends.

use std::collections::BTreeMap;

use super::mountinfo::Mounted;

/// How many bytes of facts are read: a table of a thousand mounts has a fifth of that.
pub const FACTS_LIMIT: usize = 1 << 20;

/// Raw facts, section by section: a line `== NAME`, or `==> PATH <==` as head(1) writes it, then the file of that name as
/// the kernel wrote it. A path's name is `net/` and the rest below `/proc/net`, else its last part.
///
/// | section | what |
/// |---|---|
/// | `process` | `pid N`, `parent N` of the entrypoint, and `init NAME`, which is `/proc/1/comm` |
/// | `version` | `/proc/version`: which kernel it says it is |
/// | `status`, `mountinfo`, `limits`, `uid_map` | the files of `/proc/self`, see proc(5) |
/// | `net/dev`, `net/route`, `net/fib_trie`, `net/if_inet6`, `net/ipv6_route` | the files of `/proc/net` |
/// | `usable` | `worktree`, `git`, `home` and `temporary`, each with `yes`, or with what is wrong; `git none` where the image has none |
/// | `memory.max`, `memory.limit_in_bytes`, `cpu.max`, `pids.max`, … | files of the own control group, version 2 or 1 |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    sections: BTreeMap<String, String>,
}

impl Facts {
    /// Parses what an entrypoint sent. Nothing is refused here: a fact that cannot be read is missing. A section that
    /// occurs twice is ignored.
    pub fn parse(text: &str) -> Self {
        let mut sections: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut current: Option<String> = None;
        for line in text.lines() {
            if let Some(name) = name(line) {
                let name = name.to_owned();
                let twice = sections.contains_key(&name);
                sections.insert(name.clone(), (!twice).then(String::new));
                current = Some(name);
            } else if let Some(Some(section)) = current.as_ref().and_then(|name| sections.get_mut(name)) {
                section.push_str(line);
                section.push('\n');
            }
        }
        let believed = sections.into_iter().filter_map(|(name, text)| Some((name, text?)));
        Self {
            sections: believed.collect(),
        }
    }

    /// Returns the text of a section.
    pub(super) fn section(&self, name: &str) -> Option<&str> {
        self.sections.get(name).map(String::as_str)
    }

    /// Returns the one line of a section.
    pub(super) fn line(&self, name: &str) -> Option<&str> {
        self.section(name)?.lines().map(str::trim).find(|line| !line.is_empty())
    }

    /// Returns the rest of the line of a section that begins with `key`, which ends at a colon or a space.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<&str> {
        self.section(section)?.lines().find_map(|line| {
            let rest = line.strip_prefix(key)?;
            rest.starts_with([':', ' ', '\t'])
                .then(|| rest.trim_start_matches(':').trim())
        })
    }

    /// Returns the table of mounts, in the order in which they were made; `None` where a line of it is invalid.
    pub(super) fn mounts(&self) -> Option<Vec<Mounted>> {
        let lines = self.section("mountinfo")?.lines();
        let mounts: Option<Vec<_>> = lines.filter(|line| !line.is_empty()).map(Mounted::parse).collect();
        mounts.filter(|mounts| !mounts.is_empty())
    }
}

/// Returns the name of the section that a line begins.
fn name(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("== ") {
        return Some(name.trim());
    }
    let path = line.strip_prefix("==> ")?.strip_suffix(" <==")?;
    match path.strip_prefix("/proc/") {
        Some(table) if table.starts_with("net/") => Some(table),
        _ => path.rsplit('/').next(),
    }
}
