//! What can stand at the cursor of a command line, by the tree of commands alone.

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use crate::base::text::one_line;

/// The longest text about a candidate.
const LONGEST: usize = 80;

/// What the store knows the values of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Issues,
    Generations,
    Runs,
    Labels,
    Modes,
}

/// Something that can stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) value: String,
    pub(super) about: String,
}

/// What is asked at the cursor.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What the word begins with that candidates are put behind: an option with `=`, or the values before a comma.
    pub(super) before: String,
    /// What is begun of the value itself.
    pub(super) begun: String,
    /// What the tree offers.
    pub(super) known: Vec<Candidate>,
    /// What the store knows.
    pub(super) wanted: Vec<Kind>,
    /// The value of `--directory`.
    pub(super) directory: Option<String>,
    /// The value of `--generation`.
    pub(super) generation: Option<String>,
}

impl Candidate {
    pub(super) fn new(value: impl Into<String>, about: &str) -> Self {
        Self {
            value: value.into(),
            about: one_line(about, LONGEST),
        }
    }

    /// Puts the candidate behind what stands before it in the same word.
    pub(super) fn behind(self, before: &str) -> Self {
        Self {
            value: format!("{before}{}", self.value),
            ..self
        }
    }

    /// Returns the line by which a shell reads it.
    pub(super) fn line(&self) -> String {
        format!("{}\t{}", self.value, self.about)
    }
}

/// Where the words before the cursor lead.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    pending: Option<&'a Arg>,
    positionals: usize,
    /// Whether no option follows, after `--`.
    is_bare: bool,
    asked: Asked,
}

/// Returns what can stand at the cursor, where this is begun of the word, and those are before it.
pub(super) fn look(mut program: Command, before: &[String], begun: &str) -> Asked {
    program.build();
    let mut place = Place {
        command: &program,
        pending: None,
        positionals: 0,
        is_bare: false,
        asked: Asked::default(),
    };
    for word in before {
        place.pass(word);
    }
    // Bash makes a word of its own of it.
    let begun = if begun == "=" && place.pending.is_some() {
        ""
    } else {
        begun
    };
    begun.clone_into(&mut place.asked.begun);
    place.offer(begun);
    place.asked
}

impl<'a> Place<'a> {
    /// Goes on over a word.
    fn pass(&mut self, word: &str) {
        if let Some(option) = self.pending {
            if word == "=" {
                return;
            }
            self.pending = None;
            if !(word.starts_with('-') && is_optional(option)) {
                self.note(option, word);
                return;
            }
        }
        if !self.is_bare && word == "--" {
            self.is_bare = true;
        } else if !self.is_bare && word.starts_with("--") {
            self.pass_long(&word[2..]);
        } else if !self.is_bare && word.len() > 1 && word.starts_with('-') {
            self.pass_short(&word[1..]);
        } else if self.positionals == 0
            && !self.is_bare
            && let Some(below) = self.command.find_subcommand(word)
        {
            self.command = below;
        } else {
            self.positionals += 1;
        }
    }

    fn pass_long(&mut self, text: &str) {
        let (name, value) = text
            .split_once('=')
            .map_or((text, None), |(name, value)| (name, Some(value)));
        let Some(option) = self.long(name).filter(|option| takes_value(option)) else {
            return;
        };
        match value {
            Some(value) => self.note(option, value),
            None => self.pending = Some(option),
        }
    }

    fn pass_short(&mut self, letters: &str) {
        for (index, letter) in letters.char_indices() {
            let option = self.command.get_arguments().find(|arg| arg.get_short() == Some(letter));
            let Some(option) = option.filter(|option| takes_value(option)) else {
                continue;
            };
            match &letters[index + letter.len_utf8()..] {
                "" => self.pending = Some(option),
                value => self.note(option, value),
            }
            return;
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| arg.get_long() == Some(name))
    }

    /// Keeps the value of an option that says where the store is looked for.
    fn note(&mut self, option: &Arg, value: &str) {
        let value = Some(value.to_owned());
        match option.get_long() {
            Some("directory") => self.asked.directory = value,
            Some("generation") => self.asked.generation = value,
            _ => {}
        }
    }

    fn offer(&mut self, begun: &str) {
        if let Some(option) = self.pending {
            self.offer_values(option, "", begun);
            return;
        }
        if !self.is_bare && begun.starts_with('-') {
            match begun.strip_prefix("--").and_then(|text| text.split_once('=')) {
                Some((name, value)) => {
                    if let Some(option) = self.long(name) {
                        self.offer_values(option, &format!("--{name}="), value);
                    }
                }
                None => self.offer_options(),
            }
            return;
        }
        if self.positionals == 0 && !self.is_bare {
            let listed = self.command.get_subcommands().filter(|below| !below.is_hide_set());
            let candidate = |below: &Command| Candidate::new(below.get_name(), &about(below.get_about()));
            self.asked.known.extend(listed.map(candidate));
        }
        let positionals: Vec<&Arg> = self.command.get_positionals().collect();
        // The last one may take all that follow.
        let next = positionals.get(self.positionals);
        let repeated = || positionals.last().filter(|arg| is_many(arg));
        if let Some(positional) = next.or_else(repeated) {
            self.offer_values(positional, "", begun);
        }
    }

    fn offer_options(&mut self) {
        let listed = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        let candidate = |arg: &Arg| Some(Candidate::new(format!("--{}", arg.get_long()?), &about(arg.get_help())));
        self.asked.known.extend(listed.filter_map(candidate));
    }

    /// Offers the values of an argument, which come behind what stands before them in the word.
    fn offer_values(&mut self, arg: &Arg, before: &str, begun: &str) {
        let (earlier, begun) = match arg.get_value_delimiter().and_then(|delimiter| begun.rfind(delimiter)) {
            Some(at) => begun.split_at(at + 1),
            None => ("", begun),
        };
        self.asked.before = format!("{before}{earlier}");
        begun.clone_into(&mut self.asked.begun);
        let before = &self.asked.before;
        let listed = arg
            .get_possible_values()
            .into_iter()
            .filter(|value| !value.is_hide_set() && takes_value(arg));
        let candidate =
            |value: PossibleValue| Candidate::new(value.get_name(), &about(value.get_help())).behind(before);
        let listed: Vec<Candidate> = listed.map(candidate).collect();
        self.asked.known.extend(listed);
        self.asked.wanted = wanted(self.command, arg);
    }
}

/// Returns what the values of an argument are, of which the store knows some.
fn wanted(command: &Command, arg: &Arg) -> Vec<Kind> {
    let id = arg.get_id().as_str();
    let is_generation = id == "generation"
        || matches!(
            (command.get_name(), id),
            ("switch", "name") | ("start", "carry") | ("gc", "archive") | ("lines", "at") | ("list", "of")
        );
    let names = arg.get_value_names().unwrap_or_default();
    let words = names.iter().flat_map(|name| name.split('|'));
    let is_of_runs = names.iter().any(|name| name.contains("RUN|"));
    let kinds = words.filter_map(|word| match word {
        "ID" => Some(Kind::Issues),
        "LABEL" => Some(Kind::Labels),
        "MODE" => Some(Kind::Modes),
        "RUN" => Some(Kind::Runs),
        "NAME" | "GENERATION" if is_generation || is_of_runs => Some(Kind::Generations),
        _ => None,
    });
    let mut kinds: Vec<Kind> = kinds.collect();
    // Without a name of its own, a value has that of its argument.
    if names.is_empty() || kinds.is_empty() {
        kinds.extend(match id {
            "id" | "ids" => Some(Kind::Issues),
            _ if is_generation => Some(Kind::Generations),
            _ => None,
        });
    }
    kinds
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn is_optional(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.min_values() == 0)
}

fn is_many(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.max_values() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (begun, before) = words.split_last().unwrap();
        look(crate::cli::own_program(), before, begun)
    }

    fn offered(line: &str) -> Vec<String> {
        let asked = asked(line);
        let begins = format!("{}{}", asked.before, asked.begun);
        let values = asked.known.into_iter().map(|candidate| candidate.value);
        values.filter(|value| value.starts_with(&begins)).collect()
    }

    #[test]
    fn commands_options_and_their_values_are_offered_where_they_can_stand() {
        for (line, expect) in [
            ("sta", &["start", "status", "stats"][..]),
            ("issues h", &["hold", "help"]),
            ("generator sta", &["start", "status"]),
            ("-C x --json issues -v h", &["hold", "help"]),
            ("issues list --sta", &["--status"]),
            ("issues list --status ", &["open", "in_progress", "held", "closed"]),
            ("issues list --status c", &["closed"]),
            ("issues list --status=c", &["--status=closed"]),
            ("issues list --status = c", &["closed"]),
            ("issues list --status =", &["open", "in_progress", "held", "closed"]),
            ("--color a", &["auto", "always"]),
            ("completions f", &["fish"]),
            ("run --cyc", &["--cycles"]),
            ("run -- --cyc", &[]),
            ("run --cycles ", &[]),
            ("nonsense ", &[]),
            ("__com", &[]),
        ] {
            assert_eq!(offered(line), expect, "{line}");
        }
        assert!(offered("").contains(&"ps".to_owned()) && !offered("").contains(&"generator".to_owned()));
        assert!(
            offered("start --").contains(&"--json".to_owned()),
            "options that all take"
        );
    }

    #[test]
    fn values_of_the_store_are_asked_for_by_what_they_are() {
        use Kind::{Generations, Issues, Labels, Modes, Runs};
        for (line, expect) in [
            ("issues show ", &[Issues][..]),
            ("issues show cw-1 ", &[Issues]),
            ("issues hold cw-1 ", &[Issues]),
            ("issues release cw", &[Issues]),
            ("issues comment ", &[Issues]),
            ("issues add x --depends-on cw-1,", &[Issues]),
            ("stitch ", &[Issues]),
            ("run --only ", &[Labels, Issues]),
            ("run --plan ", &[Runs]),
            ("runs stop ", &[Runs, Generations]),
            ("runs pause x", &[Runs, Generations]),
            ("report ", &[Runs, Generations]),
            ("report --markdown x", &[Runs, Generations]),
            ("report --html ", &[]),
            ("status --generation ", &[Generations]),
            ("status --generation=se", &[Generations]),
            ("--generation ", &[Generations]),
            ("switch ", &[Generations]),
            ("gc --archive ", &[Generations]),
            ("start --carry ", &[Generations]),
            ("start --name ", &[]),
            ("start --mode ", &[Modes]),
            ("config show --mode ", &[Modes]),
            ("-C ", &[]),
        ] {
            assert_eq!(asked(line).wanted, expect, "{line}");
        }
    }

    #[test]
    fn the_words_before_say_where_the_store_is() {
        let asked = asked("-C ../there --generation=search issues add x --depends-on cw-1,cw");
        assert_eq!(asked.directory.as_deref(), Some("../there"));
        assert_eq!(asked.generation.as_deref(), Some("search"));
        assert_eq!((asked.before.as_str(), asked.begun.as_str()), ("cw-1,", "cw"));
        let asked = self::asked("-vC../there status --generation ");
        assert_eq!(asked.directory.as_deref(), Some("../there"));
    }
}
