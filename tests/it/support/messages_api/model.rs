//! The scripted model: which reply a request gets, and what was served.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use serde_json::Value;

use super::reply::Reply;
use super::script::{Answer, Block, Conversation, Refusal, Script, Settings, Tokens, Trouble};

/// What the API has served. What was broken off counts as far as it went: what is read is counted when an answer
/// begins, what is written when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    /// Requests for an answer of the model, whatever came of them.
    pub(crate) requests: u64,
    /// Answers that were given whole.
    pub(crate) messages: u64,
    /// Tokens read that no cache held.
    pub(crate) input: u64,
    /// Tokens written to the cache.
    pub(crate) cache_write: u64,
    /// Tokens read from the cache.
    pub(crate) cache_read: u64,
    /// Tokens produced.
    pub(crate) output: u64,
}

impl AddAssign for Served {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.messages += other.messages;
        self.input += other.input;
        self.cache_write += other.cache_write;
        self.cache_read += other.cache_read;
        self.output += other.output;
    }
}

/// The model and what became of its script.
pub(super) struct Model {
    conversations: Vec<Conversing>,
    /// Answers begun: their ids are made of it.
    begun: u64,
    pub(super) surprises: Vec<String>,
    /// What requests showed as their credential: `Bearer …`, or a key.
    pub(super) credentials: BTreeSet<String>,
}

/// A conversation of the script, and what was served in it.
pub(super) struct Conversing {
    script: Conversation,
    pub(super) served: Served,
    pub(super) results_brought: Vec<usize>,
    /// The messages of the last request, as they came.
    pub(super) last_messages: String,
    /// What a cache may have of the last request.
    cached: Vec<Value>,
    /// How many requests did not begin with all that the one before them had.
    pub(super) rewritten: usize,
}

/// What a request gets.
pub(super) enum Played {
    /// An answer, whole or only its beginning; which conversation it belongs to.
    Answer {
        conversation: usize,
        reply: Reply,
        settings: Settings,
        broken: Option<Broken>,
    },
    /// An error.
    Refusal(Refusal),
    /// No connection any more.
    Reset,
    /// Nothing, for ever.
    Hang,
}

/// How an answer breaks off after its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The connection is closed.
    StopCause,
    /// Nothing more comes.
    Stalled,
}

impl Model {
    pub(super) fn new(script: Script) -> Self {
        let conversing = |script| Conversing {
            script,
            served: Served::default(),
            results_brought: Vec::new(),
            last_messages: String::new(),
            cached: Vec::new(),
            rewritten: 0,
        };
        Self {
            conversations: script.conversations.into_iter().map(conversing).collect(),
            begun: 0,
            surprises: Vec::new(),
            credentials: BTreeSet::new(),
        }
    }

    pub(super) fn served(&self) -> Served {
        let mut sum = Served::default();
        for conversation in &self.conversations {
            sum += conversation.served;
        }
        sum
    }

    pub(super) fn conversation(&self, about: &str) -> &Conversing {
        let mut conversations = self.conversations.iter();
        conversations.find(|one| one.script.about == about).unwrap()
    }

    /// Counts what was served in a conversation.
    pub(super) fn count(&mut self, conversation: usize, served: Served) {
        self.conversations[conversation].served += served;
    }

    /// Plays what comes next in the conversation that a request belongs to; an error is a surprise.
    pub(super) fn play(&mut self, request: &Value) -> Result<Played, String> {
        let tools = offered(request);
        let conversations = self.conversations.iter();
        let meant = conversations
            .enumerate()
            .find_map(|(index, one)| Some((index, one.script.beginning(request)?)));
        let Some((index, beginning)) = meant else {
            return Err("no conversation of the script is meant by this prompt".to_owned());
        };
        let conversation = &mut self.conversations[index];
        conversation.served.requests += 1;
        let results = tool_results(request, beginning);
        conversation.results_brought.push(results);
        conversation.last_messages = request["messages"].to_string();
        let cached = cacheable(request);
        conversation.rewritten += usize::from(!cached.starts_with(&conversation.cached));
        conversation.cached = cached;
        let Some(answer) = conversation.script.answers.get_mut(results) else {
            return Err(format!(
                "the script of this conversation ends before {results} tool results"
            ));
        };
        let broken = match answer.next_trouble() {
            None => None,
            Some(Trouble::StopCause) => Some(Broken::StopCause),
            Some(Trouble::Stall) => Some(Broken::Stalled),
            Some(Trouble::Reset) => return Ok(Played::Reset),
            Some(Trouble::Hang) => return Ok(Played::Hang),
            Some(Trouble::Refuse(refusal)) => return Ok(Played::Refusal(refusal)),
        };
        if let Block::ToolUse { name, .. } = &answer.block
            // Those of servers may be deferred, or refused: the client has the word.
            && !name.starts_with("mcp__")
            && !tools.contains(&name.as_str())
        {
            return Err(format!("the script uses `{name}`, but offered are {tools:?}"));
        }
        self.begun += 1;
        Ok(Played::Answer {
            conversation: index,
            reply: Reply::new(self.begun, request, answer),
            settings: answer.settings.clone(),
            broken,
        })
    }
}

impl Answer {
    /// The trouble that comes before the answer this time.
    fn next_trouble(&mut self) -> Option<Trouble> {
        let met = self.troubles.iter_mut().find(|met| met.times != Some(0))?;
        met.times = met.times.map(|left| left - 1);
        Some(met.trouble.clone())
    }
}

impl Tokens {
    /// What an answer counts when it begins.
    pub(super) fn at_the_beginning(self) -> Served {
        Served {
            input: self.input,
            cache_write: self.cache_write,
            cache_read: self.cache_read,
            ..Served::default()
        }
    }

    /// What it counts when it ends.
    pub(super) fn at_the_end(self) -> Served {
        Served {
            messages: 1,
            output: self.output,
            ..Served::default()
        }
    }
}

impl Conversation {
    /// Which message of a request begins this conversation, or this turn; `None` where the request is another one's.
    fn beginning(&self, request: &Value) -> Option<usize> {
        let messages = request["messages"].as_array()?;
        let beginning = if self.is_later {
            messages.iter().rposition(begins_turn).filter(|index| *index > 0)?
        } else {
            0
        };
        let mut texts = texts(&messages.get(beginning)?["content"]);
        texts.any(|text| text.contains(&self.about)).then_some(beginning)
    }
}

/// Whether a message is one of the user's own, and brings no results of tools.
fn begins_turn(message: &Value) -> bool {
    let mut blocks = message["content"].as_array().into_iter().flatten();
    message["role"] == "user" && !blocks.any(|block| block["type"] == "tool_result")
}

/// The texts of a message's content, which is one text or a list of blocks.
fn texts(content: &Value) -> impl Iterator<Item = &str> {
    let blocks = content.as_array().into_iter().flatten();
    let in_blocks = blocks.filter_map(|block| block["text"].as_str());
    content.as_str().into_iter().chain(in_blocks)
}

/// How many tools have been used in a request's conversation, from a message on.
fn tool_results(request: &Value, beginning: usize) -> usize {
    let messages = request["messages"].as_array().into_iter().flatten().skip(beginning);
    let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
    blocks.filter(|block| block["type"] == "tool_result").count()
}

/// What of a request is found in a cache by whoever begins with the same: its tools, its system prompt, its messages.
fn cacheable(request: &Value) -> Vec<Value> {
    let messages = request["messages"].as_array().into_iter().flatten();
    let parts = [&request["tools"], &request["system"]].into_iter().chain(messages);
    parts.cloned().map(without_marks).collect()
}

/// A part of a request without the marks of where to cache, which move on; a text is the same as one block of it.
fn without_marks(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("cache_control");
            if let Some(text) = fields.get("content").and_then(Value::as_str) {
                let block = serde_json::json!([{"type": "text", "text": text}]);
                fields.insert("content".to_owned(), block);
            }
            fields
                .values_mut()
                .for_each(|field| *field = without_marks(field.take()));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| *part = without_marks(part.take())),
        _ => {}
    }
    value
}

/// The tools that a request offers.
fn offered(request: &Value) -> Vec<&str> {
    let tools = request["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["name"].as_str()).collect()
}
