//! Whether the model that a client uses is the requested one.

/// The families of models that have an alias of their own.
const FAMILIES: [&str; 4] = ["fable", "haiku", "opus", "sonnet"];

/// Aliases of no single family, with the families that each may select.
const ALIASES: [(&str, &[&str]); 2] = [("best", &["fable", "opus"]), ("opusplan", &["opus", "sonnet"])];

/// Returns whether a client that was asked for one model may use the other.
///
/// An alias (`opus`, `sonnet[1m]`, `opusplan`, `best`) admits every model of its family, `default` admits any. A name
/// admits itself with or without its date, with or without the marks of a provider around it
/// (`us.anthropic.…-v1:0`, `publishers/…/claude-…@20250805`), and with or without the mark of a longer context. The
/// aliases are those of the client's documentation on the configuration of models.
pub(crate) fn binds(asked: &str, bound: &str) -> bool {
    let (asked, bound) = (plain(asked), plain(bound));
    if asked == bound {
        return !asked.is_empty();
    }
    if asked == "default" {
        return !bound.is_empty();
    }
    match families(&asked) {
        Some(families) => families.iter().any(|family| belongs(&bound, family)),
        None => same(&asked, &bound),
    }
}

/// Returns the families that an alias may select; `None` when the word is not an alias.
fn families(asked: &str) -> Option<&'static [&'static str]> {
    let several = ALIASES.iter().find(|(alias, _)| *alias == asked);
    several.map(|(_, families)| *families).or_else(|| {
        let index = FAMILIES.iter().position(|family| *family == asked)?;
        Some(&FAMILIES[index..=index])
    })
}

fn belongs(bound: &str, family: &str) -> bool {
    bound.starts_with("claude-") && bound.split('-').any(|part| part == family)
}

/// Returns whether two full names are one model: a name without a date covers all its dates.
fn same(asked: &str, bound: &str) -> bool {
    let ((asked, asked_date), (bound, bound_date)) = (dated(asked), dated(bound));
    let dates_agree = asked_date.is_none() || bound_date.is_none() || asked_date == bound_date;
    dates_agree && numbered(asked) == numbered(bound)
}

/// Returns a name and its date, if it ends in one.
fn dated(name: &str) -> (&str, Option<&str>) {
    let is_date = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((stem, "latest")) => (stem, None),
        Some((stem, date)) if is_date(date) => (stem, Some(date)),
        _ => (name, None),
    }
}

/// Returns a name without the zero of a first release, which is written with and without it: `claude-opus-4-0`,
/// `claude-opus-4`.
fn numbered(name: &str) -> &str {
    name.strip_suffix("-0").unwrap_or(name)
}

/// Returns a name in lower case, without the marks of providers, of a longer context and of a revision.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.rsplit("anthropic.").next().unwrap_or_default();
    let name = name.split(['[', ':']).next().unwrap_or_default();
    let name = without_revision(name).replace(['@', '.'], "-");
    // The client takes `sonnet-4-6` for `claude-sonnet-4-6`.
    match name.split_once('-') {
        Some((family, _)) if FAMILIES.contains(&family) => format!("claude-{name}"),
        _ => name,
    }
}

/// Removes `-v1` and the like, which only providers write.
fn without_revision(name: &str) -> &str {
    match name.rsplit_once("-v") {
        Some((stem, revision)) if !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(asked: &str, bound: &[&str], others: &[&str]) {
        for name in bound {
            assert!(binds(asked, name), "`{asked}` may bind `{name}`");
        }
        for name in others {
            assert!(!binds(asked, name), "`{asked}` may not bind `{name}`");
        }
    }

    #[test]
    fn an_alias_admits_its_family() {
        let opus = [
            "claude-opus-5-5",
            "claude-3-opus-20240229",
            "us.anthropic.claude-opus-4-1-20250805-v1:0",
        ];
        let sonnet = [
            "claude-sonnet-5-5",
            "claude-3-7-sonnet@20250219",
            "claude-sonnet-4-5-20250929[1m]",
        ];
        let haiku = ["claude-haiku-4-5", "claude-3-5-haiku-latest"];
        let strange = ["", "opusculum", "gpt-5", "my-opus-proxy", "<synthetic>"];
        check("opus", &opus, &[&sonnet[..], &haiku, &strange].concat());
        check("Opus[1m]", &opus, &[&sonnet[..], &haiku, &strange].concat());
        check("sonnet", &sonnet, &[&opus[..], &haiku, &strange].concat());
        check("sonnet[1m]", &sonnet, &[&opus[..], &haiku].concat());
        check("haiku", &haiku, &[&opus[..], &sonnet].concat());
        check("fable", &["claude-fable-5-1"], &[&opus[..], &sonnet].concat());
        check(
            "best",
            &[&["claude-fable-5-1"], &opus[..]].concat(),
            &[&sonnet[..], &haiku].concat(),
        );
        check("opusplan", &[&opus[..], &sonnet].concat(), &haiku);
        check("opusplan[1m]", &[&opus[..], &sonnet].concat(), &haiku);
        check("default", &[&opus[..], &haiku, &["glm-4.6"]].concat(), &[""]);
    }

    #[test]
    fn a_name_admits_itself_with_and_without_its_date() {
        let names = [
            "claude-opus-4-1",
            "claude-opus-4-1-20250805",
            "claude-opus-4-1@20250805",
            "claude-opus-4-1-latest",
            "claude-opus-4-1[1m]",
            "CLAUDE-Opus-4-1",
            "anthropic/claude-opus-4.1",
            "eu.anthropic.claude-opus-4-1-20250805-v1:0",
            "arn:aws:bedrock:us-east-2:123456789012:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0",
            "publishers/anthropic/models/claude-opus-4-1@20250805",
            "opus-4-1",
        ];
        let others = [
            "",
            "claude-opus-4",
            "claude-opus-4-20250514",
            "claude-opus-4-1-20250806",
            "claude-opus-4-10",
            "claude-opus-5-1",
            "claude-sonnet-4-1",
            "claude-opus",
        ];
        for name in names {
            check(name, &names, &[]);
        }
        check(names[1], &names, &others);
        check(
            "claude-opus-4",
            &["claude-opus-4-0", "claude-opus-4-20250514"],
            &["claude-opus-4-1", "claude-opus-5"],
        );
    }

    #[test]
    fn other_names_admit_themselves_alone() {
        check("glm-4.6", &["glm-4.6", "GLM-4.6"], &["glm-4.5", "claude-opus-5-5", ""]);
        check("", &[], &["", "claude-opus-5-5"]);
    }

    proptest! {
        #[test]
        fn every_name_admits_itself(name in "[a-z0-9.@:/\\[\\]-]{0,40}[a-z0-9]") {
            prop_assume!(!plain(&name).is_empty());
            prop_assert!(binds(&name, &name));
        }

        #[test]
        fn no_names_panic(asked in any::<String>(), bound in any::<String>()) {
            binds(&asked, &bound);
        }
    }
}
