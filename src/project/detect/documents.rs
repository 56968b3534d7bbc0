//! Documents for people and agents, as globs that match what is there in whatever case it is written.

use super::tree::Folder;

/// Names of documents at the root, in lower case and without their ending.
const DOCUMENTS: [&str; 15] = [
    "readme",
    "architecture",
    "design",
    "vision",
    "specification",
    "spec",
    "requirements",
    "prd",
    "roadmap",
    "plan",
    "overview",
    "agents",
    "claude",
    "gemini",
    "contributing",
];
/// Names of folders of documents, in lower case.
const FOLDERS: [&str; 14] = [
    "adr",
    "architecture",
    "design",
    "doc",
    "docs",
    "documentation",
    "documents",
    "requirements",
    "rfcs",
    "spec",
    "specification",
    "specifications",
    "specs",
    "wiki",
];
/// How the names of documents end.
const ENDINGS: [&str; 5] = ["md", "rst", "adoc", "txt", "markdown"];

/// Returns globs, the root's documents first and each in the order of its list.
pub(super) fn find(root: Folder<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for wanted in DOCUMENTS {
        let here = root.here().filter(|name| {
            let lower = name.to_lowercase();
            match lower.rsplit_once('.') {
                // Requirements in a text file are Python's.
                Some(("requirements", "txt")) => false,
                Some((stem, ending)) => stem == wanted && ENDINGS.contains(&ending),
                None => lower == wanted && wanted == "readme",
            }
        });
        found.extend(here.filter(|name| is_plain(name)).map(str::to_owned));
    }
    for folder in root.folders() {
        if !FOLDERS.contains(&folder.to_lowercase().as_str()) || !is_plain(folder) {
            continue;
        }
        // Text files in folders are mostly data.
        for ending in ["md", "rst", "adoc"] {
            let below = format!("{folder}/");
            let mut files = root.files().filter(|file| file.starts_with(&below));
            if files.any(|file| file.rsplit_once('.').is_some_and(|(_, found)| found == ending)) {
                found.push(format!("{folder}/**/*.{ending}"));
            }
        }
    }
    found
}

/// Returns whether a name means itself in a glob.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "._- ".contains(c))
}
