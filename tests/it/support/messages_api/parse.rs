//! Scripts are read here; `messages_api` says how they are written.

use serde_json::json;

use super::script::{
    Answer, Block, Conversation, Header, HeaderValue, Met, Refusal, Script, Settings, Tokens, Trouble,
};
use super::words::Words;

/// The prefix of the headers that tell of a subscription's limits.
const UNIFIED: &str = "anthropic-ratelimit-unified-";

impl Script {
    /// Reads a script, or says line by line what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        let mut errors = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if let Err(error) = reader.line(line) {
                errors.push(format!("line {}: {error}", index + 1));
            }
        }
        if errors.is_empty() {
            Ok(reader.finish())
        } else {
            Err(errors.join("\n"))
        }
    }
}

/// A script that is being read.
#[derive(Default)]
struct Reader {
    conversations: Vec<Conversation>,
    /// Troubles that no answer has followed yet.
    troubles: Vec<Met>,
    last: Last,
}

/// What a setting belongs to.
#[derive(Default)]
enum Last {
    #[default]
    Nothing,
    Answer,
    Trouble,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = Words::of(line)?;
        if words.is_empty() {
            return Ok(());
        }
        match line.len() - line.trim_start().len() {
            0 => self.about(&mut words)?,
            2 => self.reply(&mut words)?,
            4 => self.setting(&mut words)?,
            depth => return Err(format!("expected 0, 2 or 4 spaces before it, found {depth}")),
        }
        words.end()
    }

    fn about(&mut self, words: &mut Words) -> Result<(), String> {
        let word = words.text("`about`")?;
        if !["about", "later"].contains(&word.as_str()) {
            return Err(format!("expected `about` or `later`, found `{word}`"));
        }
        self.end_conversation();
        self.conversations.push(Conversation {
            about: words.text("what the conversation is about")?,
            is_later: word == "later",
            answers: Vec::new(),
        });
        Ok(())
    }

    fn reply(&mut self, words: &mut Words) -> Result<(), String> {
        let conversation = self.conversations.last_mut().ok_or("expected `about …` before it")?;
        if conversation.answers.last().is_some_and(Answer::ends) {
            return Err("nothing follows what the model says".to_owned());
        }
        let word = words.text("a reply")?;
        if let Some(block) = block(&word, words)? {
            conversation.answers.push(Answer {
                troubles: std::mem::take(&mut self.troubles),
                block,
                settings: Settings::default(),
            });
            self.last = Last::Answer;
            return Ok(());
        }
        let times = words.times()?;
        let trouble = trouble(&word, words)?;
        self.troubles.push(Met { trouble, times });
        self.last = Last::Trouble;
        Ok(())
    }

    fn setting(&mut self, words: &mut Words) -> Result<(), String> {
        let word = words.text("a setting")?;
        let of_trouble = || format!("`{word}` is no setting of this trouble");
        match self.last {
            Last::Nothing => Err("expected a reply before it".to_owned()),
            Last::Answer => answer_setting(&word, words, self.settings()),
            Last::Trouble => match self.troubles.last_mut().map(|met| &mut met.trouble) {
                Some(Trouble::Refuse(refusal)) => {
                    let header = header(&word, words)?.ok_or_else(of_trouble)?;
                    refusal.headers.push(header);
                    Ok(())
                }
                _ => Err(of_trouble()),
            },
        }
    }

    fn settings(&mut self) -> &mut Settings {
        let conversation = self.conversations.last_mut().expect("an answer was read last");
        &mut conversation
            .answers
            .last_mut()
            .expect("an answer was read last")
            .settings
    }

    /// Every conversation ends with words.
    fn end_conversation(&mut self) {
        self.last = Last::Nothing;
        let Some(conversation) = self.conversations.last_mut() else {
            return;
        };
        if !conversation.answers.last().is_some_and(Answer::ends) {
            conversation.answers.push(Answer {
                troubles: std::mem::take(&mut self.troubles),
                block: Block::Text("Done.".to_owned()),
                settings: Settings::default(),
            });
        }
    }

    fn finish(mut self) -> Script {
        self.end_conversation();
        Script {
            conversations: self.conversations,
        }
    }
}

impl Answer {
    fn ends(&self) -> bool {
        matches!(self.block, Block::Text(_))
    }
}

/// An answer by its word; `None` where the word is not one of an answer.
fn block(word: &str, words: &mut Words) -> Result<Option<Block>, String> {
    let (name, input) = match word {
        "say" => return Ok(Some(Block::Text(words.text("what to say")?))),
        "read" => ("Read", json!({"file_path": words.text("a path")?})),
        "write" => (
            "Write",
            json!({"file_path": words.text("a path")?, "content": words.text("a text")?}),
        ),
        "edit" => (
            "Edit",
            json!({"file_path": words.text("a path")?, "old_string": words.text("the old text")?,
                "new_string": words.text("the new text")?}),
        ),
        "bash" => (
            "Bash",
            json!({"command": words.text("a command")?, "description": "Runs a command"}),
        ),
        "background" => (
            "Bash",
            json!({"command": words.text("a command")?, "description": "Runs a command", "run_in_background": true}),
        ),
        "answer" => ("StructuredOutput", words.json()?),
        "tool" => {
            let name = words.text("the name of a tool")?;
            let input = words.json()?;
            return Ok(Some(Block::ToolUse { name, input }));
        }
        _ => return Ok(None),
    };
    let name = name.to_owned();
    Ok(Some(Block::ToolUse { name, input }))
}

/// A trouble by its word.
fn trouble(word: &str, words: &mut Words) -> Result<Trouble, String> {
    Ok(match word {
        "refuse" => Trouble::Refuse(Refusal {
            status: words.number("an HTTP status")?,
            kind: words.text("the type of an error")?,
            message: if words.is_empty() {
                "as the script says".to_owned()
            } else {
                words.text("a message")?
            },
            headers: Vec::new(),
        }),
        "limit" => Trouble::Refuse(limit(words)?),
        "reset" => Trouble::Reset,
        "hang" => Trouble::Hang,
        "cut" => Trouble::StopCause,
        "stall" => Trouble::Stall,
        _ => return Err(format!("`{word}` is no reply")),
    })
}

/// A usage limit: the error and the headers by which the client knows it.
fn limit(words: &mut Words) -> Result<Refusal, String> {
    let unified = |name: &str, value: HeaderValue| Header {
        name: format!("{UNIFIED}{name}"),
        value,
    };
    let kind = HeaderValue::Text(words.text("the kind of limit, such as `five_hour`")?);
    let mut headers = vec![
        unified("status", HeaderValue::Text("rejected".to_owned())),
        unified("representative-claim", kind),
    ];
    if words.take("in") {
        headers.push(unified("reset", HeaderValue::In(words.time()?)));
    }
    Ok(Refusal {
        status: 429,
        kind: "rate_limit_error".to_owned(),
        message: "This request would exceed your account's rate limit.".to_owned(),
        headers,
    })
}

/// A header by the word of a setting; `None` where the word is not one of a header.
fn header(word: &str, words: &mut Words) -> Result<Option<Header>, String> {
    let prefix = match word {
        "header" => "",
        "unified" => UNIFIED,
        _ => return Ok(None),
    };
    let name = prefix.to_owned() + &words.text("the name of a header")?;
    let value = if words.take("in") {
        HeaderValue::In(words.time()?)
    } else {
        HeaderValue::Text(words.text("the value of a header")?)
    };
    Ok(Some(Header { name, value }))
}

fn answer_setting(word: &str, words: &mut Words, settings: &mut Settings) -> Result<(), String> {
    if let Some(header) = header(word, words)? {
        settings.headers.push(header);
        return Ok(());
    }
    match word {
        "tokens" => {
            settings.tokens = Tokens {
                input: words.number("tokens of the input")?,
                cache_write: words.number("tokens written to the cache")?,
                cache_read: words.number("tokens read from the cache")?,
                output: words.number("tokens of the output")?,
            };
        }
        "model" => settings.model = Some(words.text("the name of a model")?),
        "pause" => settings.pause = Some(words.time()?),
        _ => return Err(format!("`{word}` is no setting of an answer")),
    }
    Ok(())
}
