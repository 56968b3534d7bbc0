//! Documents that a person names on the command line.

use std::path::{Component, Path, PathBuf};

use super::Context;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::lifecycle::Generator;

/// Returns the paths of documents from the repository's root, as a person named them from their folder.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`] where one is outside of the repository.
pub(super) fn documents(named: &[String], generator: &Generator, context: &Context) -> Result<Vec<String>> {
    let root = generator.git().workdir();
    named
        .iter()
        .map(|name| from_root(name, &context.directory, root))
        .collect()
}

fn from_root(name: &str, directory: &Path, root: &Path) -> Result<String> {
    let plain = |path: &Path| {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::ParentDir => drop(plain.pop()),
                Component::CurDir => {}
                part => plain.push(part),
            }
        }
        plain
    };
    // Where the folder has another name by way of a link, the one that git knows is meant.
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let path = plain(&directory.join(name));
    match path.strip_prefix(&root) {
        Ok(below) if below.as_os_str().is_empty() => Ok(".".to_owned()),
        Ok(below) => Ok(below.display().to_string()),
        Err(_) => {
            let message = format!("`{}` is not in the repository", one_line(name, 200));
            Err(Error::new(ErrorKind::Usage, message).hint("commit the document in the repository, and name it there"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_named_from_the_folder_of_the_person() {
        let named = |name: &str, directory: &str| from_root(name, Path::new(directory), Path::new("/r"));
        assert_eq!(named("spec.md", "/r").unwrap(), "spec.md");
        assert_eq!(named("./spec.md", "/r/docs").unwrap(), "docs/spec.md");
        assert_eq!(named("../a.md", "/r/docs").unwrap(), "a.md");
        assert_eq!(named(".", "/r").unwrap(), ".");
        assert_eq!(named("/r/docs/", "/elsewhere").unwrap(), "docs");
        assert!(
            named("../../a.md", "/r/docs")
                .unwrap_err()
                .to_string()
                .contains("is not in the repository")
        );
    }
}
