//! Reads `prompts`, and knows which key names the template of a prompt.

use super::Config;
use super::field::Field;
use super::section::{Section, subsection};
use crate::model::PromptName;

impl Config {
    /// Returns the path of the template of a prompt, and the key that names it; `None` where what is built in is used. What the mode
    /// in force names comes first.
    pub(crate) fn template(&self, name: PromptName) -> Option<(String, &str)> {
        let of_mode = |key: &str| format!("modes.{}.{key}", self.mode.name);
        let own = match name {
            _ if name == PromptName::of_mode(self.mode.kind) && self.mode.prompt.is_some() => {
                self.mode.prompt.as_deref().map(|path| (of_mode("prompt"), path))
            }
            PromptName::Plan => {
                let path = self.mode.plan_prompt.as_deref();
                path.map(|path| (of_mode("plan_prompt"), path))
            }
            PromptName::Measure => {
                let path = self.measure_prompt.as_deref();
                path.map(|path| ("measure_prompt".to_owned(), path))
            }
            PromptName::Stitch => {
                let path = self.stitch_prompt.as_deref();
                path.map(|path| ("stitch_prompt".to_owned(), path))
            }
            _ => None,
        };
        let of_all = || {
            let path = self.prompts.get(&name)?;
            Some((format!("prompts.{}", name.name()), path.as_str()))
        };
        own.or_else(of_all)
    }

    /// Returns each prompt that has a template of the person's own, with its key and path.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (PromptName, String, &str)> {
        PromptName::ALL.into_iter().filter_map(|name| {
            let (key, path) = self.template(name)?;
            Some((name, key, path))
        })
    }
}

/// Reads `prompts`, after `measure_prompt` and `stitch_prompt`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let Some(section) = subsection(top, "prompts") else {
        return;
    };
    for name in PromptName::ALL {
        let mut path = None;
        section.set_some(name.name(), &mut path, Field::repository_path);
        let Some(path) = path else { continue };
        let older = match name {
            PromptName::Measure => config.measure_prompt.as_ref().map(|_| "measure_prompt"),
            PromptName::Stitch => config.stitch_prompt.as_ref().map(|_| "stitch_prompt"),
            _ => None,
        };
        if let (Some(older), Some(field)) = (older, section.field(name.name())) {
            field.refuse_with::<()>(format!("`{older}` names this template, too"), "remove one of the two");
        }
        config.prompts.insert(name, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse(text, "c.yaml").expect(text)
    }

    #[test]
    fn every_prompt_can_be_replaced_and_what_a_mode_names_comes_first() {
        let all: String = PromptName::ALL
            .map(|name| format!("  {0}: p/{0}.md\n", name.name()))
            .concat();
        let config = parse(&format!(
            "prompts:\n{all}modes: {{hotfix: {{extends: fix, prompt: h.md}}}}\n"
        ));
        for name in PromptName::ALL {
            let (key, path) = config.template(name).unwrap();
            assert_eq!(key, format!("prompts.{}", name.name()));
            assert_eq!(path, format!("p/{}.md", name.name()));
        }
        let of = |mode: &str| {
            let config = config.in_mode(config.mode_named(mode).unwrap());
            config
                .template(PromptName::Fix)
                .map(|(key, path)| (key, path.to_owned()))
        };
        let text = |one: &str, other: &str| Some((one.to_owned(), other.to_owned()));
        assert_eq!(of("hotfix"), text("modes.hotfix.prompt", "h.md"));
        assert_eq!(of("fix"), text("prompts.fix", "p/fix.md"));
        let shown = serde_yaml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&shown, "shown").as_ref(), Ok(&config), "{shown}");
    }

    #[test]
    fn earlier_keys_go_on_and_none_of_other_modes_counts() {
        let config = parse("measure_prompt: m.md\nstitch_prompt: s.md\nmodes: {build: {plan_prompt: p.md}}\n");
        let keys = |config: &Config| config.templates().map(|(_, key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(&config), ["measure_prompt", "stitch_prompt"]);
        let build = config.in_mode(config.mode_named("build").unwrap());
        assert_eq!(
            keys(&build),
            ["measure_prompt", "modes.build.plan_prompt", "stitch_prompt"]
        );
    }

    #[test]
    fn what_is_wrong_with_a_prompt_is_told_at_its_place() {
        for (text, expected) in [
            (
                "prompts: {stich: a.md}",
                "c.yaml:1:11: prompts.stich: unknown key (did you mean `stitch`?)",
            ),
            ("prompts: {stitch: /a.md}", "expected a path in the repository"),
            (
                "stitch_prompt: a.md\nprompts: {stitch: b.md}",
                "c.yaml:2:19: prompts.stitch: `stitch_prompt` names this template, too (remove one of the two)",
            ),
        ] {
            let problems = Config::parse(text, "c.yaml").unwrap_err().to_string();
            assert!(problems.contains(expected), "{text}: {problems}");
        }
    }
}
