//! Protected paths: whether a change touches one, under any name that some system knows it by.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use unicode_normalization::UnicodeNormalization as _;

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::text::is_ignorable;
use crate::config::Config;

mod named;
mod paths;

pub(crate) use self::named::{Manifest, Named, Naming, What, is_manifest, leads_to};
pub(crate) use self::paths::Paths;

/// The paths that no task may change without a person's consent.
#[derive(Clone, Debug)]
pub(crate) struct ProtectedPaths {
    globs: GlobSet,
    /// The globs as they were written.
    listed: Vec<String>,
    /// The first two letters of each name that the globs spell out: what a short name of it begins with.
    beginnings: HashSet<String>,
}

impl ProtectedPaths {
    /// Builds the protected paths of a configuration, and everything at `places`, which is protected whatever a
    /// person's list contains.
    pub(crate) fn of(config: &Config, places: &[PathBuf]) -> Result<Self> {
        let places = places.iter().map(|place| globset::escape(&place.to_string_lossy()));
        let places = places.flat_map(|place| [place.clone(), format!("{place}/**")]);
        let globs: Vec<String> = config.protected_paths.iter().cloned().chain(places).collect();
        Self::new(&globs)
    }

    /// Returns all globs, for agents, which are asked not to change what they cover.
    pub(crate) fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Compiles the configured globs; `dir/**` covers everything in `dir` at any depth, and anything that replaces it.
    pub(crate) fn new(globs: &[String]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let composed: String = glob.nfc().collect();
            for part in [composed.as_str()].into_iter().chain(folders_above(&composed)) {
                let built = GlobBuilder::new(part)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .case_insensitive(true)
                    .build();
                set.add(built.with_context(ErrorKind::Configuration, || {
                    format!("`protected_paths`: `{glob}` is not a valid glob")
                })?);
            }
        }
        let names = globs.iter().flat_map(|glob| glob.split('/'));
        Ok(Self {
            beginnings: names.filter_map(beginning).collect(),
            listed: globs.to_vec(),
            globs: set.build().with_context(ErrorKind::Configuration, || {
                "`protected_paths` cannot be compiled".to_owned()
            })?,
        })
    }

    /// Returns whether a path is protected, or some system opens a protected one for it.
    pub(crate) fn has(&self, path: &Path) -> bool {
        if self.globs.is_match(path) {
            return true;
        }
        let shown = path.to_string_lossy();
        self.globs.is_match(plain(&shown)) || shown.split(['/', '\\']).any(|name| self.may_be_short_for_one(name))
    }

    /// Returns whether NTFS may have made this name (`CONFIG~1.YAM`) for one that is protected.
    fn may_be_short_for_one(&self, name: &str) -> bool {
        let (stem, _) = name.split_once('.').unwrap_or((name, ""));
        let Some((start, number)) = stem.rsplit_once('~') else {
            return false;
        };
        let is_short = stem.len() <= 8 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_short && beginning(start).is_some_and(|beginning| self.beginnings.contains(&beginning))
    }
}

/// Returns the folders that a glob names literally, at any depth: `**/gradle` and `**/gradle/wrapper` of
/// `**/gradle/wrapper/**`. A link or a file in the place of one of them would lead to files that the agent put
/// elsewhere, under the protected name.
fn folders_above(glob: &str) -> impl Iterator<Item = &str> {
    let folders = glob.match_indices('/').map(|(end, _)| &glob[..end]);
    folders.filter(|folder| {
        let name = folder.rsplit('/').next().unwrap_or_default();
        !name.is_empty() && !name.contains(['*', '?', '[', ']', '{', '}', ',', '\\'])
    })
}

/// Returns the first two letters of the short name of this name; `None` where it begins with a wildcard.
fn beginning(name: &str) -> Option<String> {
    let letters = name.trim_start_matches('.');
    let first: String = letters.chars().take(2).collect();
    let is_plain = first.len() == 2 && first.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| first.to_ascii_lowercase())
}

/// Returns a path as the most lenient of systems reads it: Windows drops dots and spaces at a name's end and anything
/// after a colon, HFS+ drops characters that are not shown; and letters of other widths and shapes are the same (NFKC,
/// then NFC as in globs).
fn plain(path: &str) -> String {
    let shown: String = path.chars().filter(|c| !is_ignorable(*c)).nfkc().collect();
    let names = shown.split(['/', '\\']).map(|name| {
        let name = name.split(':').next().unwrap_or_default();
        match name.trim_end_matches([' ', '.']) {
            "" => name,
            trimmed => trimmed,
        }
    });
    names.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, path: &str, expect: bool) {
        let protected = ProtectedPaths::new(&[glob.to_owned()]).unwrap();
        assert_eq!(protected.has(Path::new(path)), expect, "`{glob}` on {path:?}");
    }

    #[test]
    fn a_folder_is_protected_with_what_could_stand_in_its_place() {
        check(".cargo/**", ".cargo/config.toml", true);
        check(".cargo/**", ".CARGO/config.toml", true);
        // A link of that name leads wherever the agent likes.
        check(".cargo/**", ".cargo", true);
        check("a/b/**", "a", true);
        check("a/b/**", "a/b", true);
        check("a/b/**", "a/c", false);
        check("**/build.rs", "x/build.rs", true);
        check("**/build.rs", "x", false);
        check("a*/b/**", "abc", false);
        check("a*/b/**", "abc/b", true);
        check("a*/b/**", "abc/c", false);
        // A folder that is protected at any depth has its own name protected at any depth, too.
        check("**/.cargo/**", ".cargo", true);
        check("**/.cargo/**", "deep/.Cargo", true);
        check("**/.cargo/**", ".cargo/config.toml", true);
        check("**/gradle/wrapper/**", "gradle", true);
        check("**/gradle/wrapper/**", "app/gradle/wrapper", true);
        check("**/gradle/wrapper/**", "app/gradle/libs.toml", false);
        check("{a,b/c}/**", "b", false);
        check("configuration.yaml", "configuration.yaml", true);
        check("configuration.yaml", "docs/configuration.yaml", false);
    }

    #[test]
    fn places_are_protected_whatever_the_list_says() {
        let config = Config {
            protected_paths: Vec::new(),
            ..Config::default()
        };
        let places = ["keys[1]", "prompts/measure.md"].map(PathBuf::from);
        let protected = ProtectedPaths::of(&config, &places).unwrap();
        for (path, expect) in [
            ("keys[1]/claude.json", true),
            ("Keys[1]", true),
            ("keys1/x", false),
            ("src/keys[1]/x", false),
            ("prompts/measure.md", true),
            ("prompts/Measure.md/inside", true),
            ("prompts", true),
            ("prompts/other.md", false),
        ] {
            assert_eq!(protected.has(Path::new(path)), expect, "{path}");
        }
    }

    #[test]
    fn a_name_that_some_system_takes_for_a_protected_one_is_protected() {
        for name in [
            "Configuration.YAML",
            "configuration.yaml.",
            "configuration.yaml. . ",
            "configuration.yaml::$DATA",
            "config\u{200b}uration.yaml",
            "\u{feff}configuration.yaml",
            "ｃonfiguration.yaml",
            "conﬁguration.yaml",
            "CONFIG~1.YAM",
            "co1a2b~1.yam",
        ] {
            check("configuration.yaml", name, true);
        }
        check(".github/**", ".GitHub/workflows/x.yml", true);
        check(".github/**", ".github./workflows/x.yml", true);
        check(".github/**", ".github\\workflows\\x.yml", true);
        check(".github/**", "GITHUB~1/workflows/x.yml", true);
        check("xtask/**", "XTASK/src/main.rs", true);
        check("xtask/**", "xtas\u{212a}/src/main.rs", true);
        check("caf\u{e9}/**", "cafe\u{301}/x", true);
        check("cafe\u{301}/**", "caf\u{e9}/x", true);
    }

    #[test]
    fn names_that_only_resemble_one_are_free() {
        for name in [
            "configuration.yam",
            "my-configuration.yaml",
            "a~1.yaml",
            "co~x.yaml",
            "configuration~1.yaml",
            "...",
            "coal~",
        ] {
            check("configuration.yaml", name, false);
        }
    }
}
