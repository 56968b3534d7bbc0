//! The variables by which package managers find their caches in a container.
//!
//! - cargo: `CARGO_HOME` (the Cargo book, "Environment Variables"); go: `GOMODCACHE` and `GOCACHE` (`go help environment`).
//! - npm: settings are variables that begin with `npm_config_` (its documentation, "config"), of which pnpm reads
//!   `store_dir`; yarn: `YARN_CACHE_FOLDER`; bun: `BUN_INSTALL_CACHE_DIR`; deno: `DENO_DIR`.
//! - pip: `PIP_CACHE_DIR`; uv: `UV_CACHE_DIR`; poetry: `POETRY_CACHE_DIR`; pipenv: `PIPENV_CACHE_DIR`.
//! - Gradle: `GRADLE_USER_HOME`; Maven: the property `maven.repo.local`, which it takes from `MAVEN_OPTS` in every version.
//! - Bundler: `BUNDLE_USER_CACHE`; Composer: `COMPOSER_CACHE_DIR`; `NuGet`: `NUGET_PACKAGES`; Mix: `MIX_HOME` and `HEX_HOME`.

use std::collections::BTreeMap;

use crate::config::CACHE_FOLDER;

/// Variables, and the folders in the cache that they name.
const VARIABLES: [(&str, &str); 19] = [
    ("BUNDLE_USER_CACHE", "bundle"),
    ("BUN_INSTALL_CACHE_DIR", "bun"),
    ("CARGO_HOME", "cargo"),
    ("COMPOSER_CACHE_DIR", "composer"),
    ("DENO_DIR", "deno"),
    ("GOCACHE", "go/build"),
    ("GOMODCACHE", "go/mod"),
    ("GRADLE_USER_HOME", "gradle"),
    ("HEX_HOME", "hex"),
    ("MIX_HOME", "mix"),
    ("NUGET_PACKAGES", "nuget"),
    ("PIPENV_CACHE_DIR", "pipenv"),
    ("PIP_CACHE_DIR", "pip"),
    ("POETRY_CACHE_DIR", "poetry"),
    ("UV_CACHE_DIR", "uv"),
    ("YARN_CACHE_FOLDER", "yarn"),
    ("YARN_GLOBAL_FOLDER", "yarn-global"),
    ("npm_config_cache", "npm"),
    ("npm_config_store_dir", "pnpm"),
];

/// Java's property for Maven's repository.
const MAVEN: (&str, &str) = ("MAVEN_OPTS", "-Dmaven.repo.local");

/// Adds the variables to an environment; one that the configuration sets stays as it is.
pub(crate) fn add_to(env: &mut Vec<(String, String)>, configured: &BTreeMap<String, String>) {
    for (name, folder) in VARIABLES {
        if !configured.contains_key(name) {
            env.push((name.to_owned(), format!("{CACHE_FOLDER}/{folder}")));
        }
    }
    let (name, property) = MAVEN;
    let place = format!("{property}={CACHE_FOLDER}/maven");
    match env.iter_mut().find(|(known, _)| known == name) {
        Some((_, options)) if options.contains(property) => {}
        Some((_, options)) => *options = format!("{options} {place}"),
        None => env.push((name.to_owned(), place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_sets_stays() {
        let configured = BTreeMap::from([("CARGO_HOME".to_owned(), "/home/agent/.cargo".to_owned())]);
        let mut env = vec![("MAVEN_OPTS".to_owned(), "-Dhttp.proxyHost=127.0.0.1".to_owned())];
        env.extend(configured.clone());
        add_to(&mut env, &configured);
        let of = |name: &str| {
            let found: Vec<_> = env
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .collect();
            found
        };
        assert_eq!(of("CARGO_HOME"), ["/home/agent/.cargo"]);
        assert_eq!(of("GOMODCACHE"), ["/cache/go/mod"]);
        assert_eq!(
            of("MAVEN_OPTS"),
            ["-Dhttp.proxyHost=127.0.0.1 -Dmaven.repo.local=/cache/maven"]
        );
        let mut own = vec![("MAVEN_OPTS".to_owned(), "-Dmaven.repo.local=/m2".to_owned())];
        add_to(&mut own, &BTreeMap::new());
        assert_eq!(own[0].1, "-Dmaven.repo.local=/m2");
    }
}
