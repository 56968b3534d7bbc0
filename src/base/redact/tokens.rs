//! Well-known forms of tokens: what each begins with, and what must follow.

use super::escapes::ends_escape;
use super::keys;

/// A form of token.
pub(super) struct Form {
    /// Its beginning; for some forms, the text before it.
    pub(super) prefix: &'static str,
    /// The service that issues it.
    pub(super) kind: &'static str,
    tail: Tail,
}

/// The text after a prefix.
enum Tail {
    /// At least so many letters.
    Least(Class, usize),
    /// Exactly so many letters, a whole word together.
    Word(Class, usize),
    /// The middle part of `OpenAI`'s older keys.
    OpenAi,
    /// Three parts with dots between.
    Jwt,
    /// The token of an `Authorization` header.
    Bearer,
    /// The secret of an AWS key id: it has no form of its own, so its name must precede it.
    AwsSecret,
    /// The rest of a block in PEM form.
    PrivateKey,
}

/// The letters that a token consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `A-Z a-z 0-9`.
    Plain,
    /// These and `_ -`.
    Url,
    /// `A-Z 0-9`.
    Upper,
    /// Those of base64 and of RFC 6750's `b64token`.
    Bearer,
}

impl Class {
    /// How many there are.
    const COUNT: usize = Self::Bearer as usize + 1;

    fn has(self, byte: u8) -> bool {
        match self {
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Bearer => byte.is_ascii_alphanumeric() || b"_-.~+/=".contains(&byte),
        }
    }
}

const fn form(prefix: &'static str, kind: &'static str, tail: Tail) -> Form {
    Form { prefix, kind, tail }
}

/// All forms. Each issuer documents its own: GitHub's "token formats", GitLab's "token prefixes", AWS's "unique
/// identifiers", Slack's "token types", Stripe's "API keys", RFC 7519 for JWT, RFC 7468 for PEM.
pub(super) const FORMS: [Form; 35] = [
    form("sk-ant-", "Anthropic token", Tail::Least(Class::Url, 20)),
    form("sk-proj-", "OpenAI token", Tail::Least(Class::Url, 20)),
    form("sk-svcacct-", "OpenAI token", Tail::Least(Class::Url, 20)),
    form("sk-admin-", "OpenAI token", Tail::Least(Class::Url, 20)),
    form("sk-", "OpenAI token", Tail::OpenAi),
    form("ghp_", "GitHub token", Tail::Least(Class::Plain, 36)),
    form("gho_", "GitHub token", Tail::Least(Class::Plain, 36)),
    form("ghu_", "GitHub token", Tail::Least(Class::Plain, 36)),
    form("ghs_", "GitHub token", Tail::Least(Class::Plain, 36)),
    form("ghr_", "GitHub token", Tail::Least(Class::Plain, 36)),
    form("github_pat_", "GitHub token", Tail::Least(Class::Url, 36)),
    form("glpat-", "GitLab token", Tail::Least(Class::Url, 20)),
    form("gldt-", "GitLab token", Tail::Least(Class::Url, 20)),
    form("glrt-", "GitLab token", Tail::Least(Class::Url, 20)),
    form("AKIA", "AWS key id", Tail::Word(Class::Upper, 16)),
    form("ASIA", "AWS key id", Tail::Word(Class::Upper, 16)),
    form("ecret_access_key", "AWS secret", Tail::AwsSecret),
    form("ECRET_ACCESS_KEY", "AWS secret", Tail::AwsSecret),
    form("ecretAccessKey", "AWS secret", Tail::AwsSecret),
    form("xoxa-", "Slack token", Tail::Least(Class::Url, 20)),
    form("xoxb-", "Slack token", Tail::Least(Class::Url, 20)),
    form("xoxp-", "Slack token", Tail::Least(Class::Url, 20)),
    form("xoxr-", "Slack token", Tail::Least(Class::Url, 20)),
    form("xoxs-", "Slack token", Tail::Least(Class::Url, 20)),
    form("AIza", "Google key", Tail::Word(Class::Url, 35)),
    form("npm_", "npm token", Tail::Word(Class::Plain, 36)),
    form("pypi-", "PyPI token", Tail::Least(Class::Url, 50)),
    form("cio", "crates.io token", Tail::Word(Class::Plain, 32)),
    form("sk_live_", "Stripe key", Tail::Least(Class::Plain, 16)),
    form("rk_live_", "Stripe key", Tail::Least(Class::Plain, 16)),
    form("eyJ", "JWT", Tail::Jwt),
    form("Bearer ", "bearer token", Tail::Bearer),
    form("bearer ", "bearer token", Tail::Bearer),
    form("BEARER ", "bearer token", Tail::Bearer),
    form("-----BEGIN ", "private key", Tail::PrivateKey),
];

/// The fewest different letters in a token: `ghp_xxxxxxxx…` in a document is not a token.
const VARIETY: u32 = 6;
/// How much of a token is checked for that, in bytes.
const SAMPLE: usize = 64;
/// The part of every key of `OpenAI`'s, and its greatest distance from the beginning.
const OPEN_AI: (&[u8], usize) = (b"T3BlbkFJ", 100);

/// Finds tokens in one text, from left to right, and remembers positions that would be computed again and again.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    /// The run of letters that was measured last, for each class: forms of different classes that begin in one run must
    /// not read it again for each other, or a file of them takes quadratic time.
    runs: [Option<std::ops::Range<usize>>; Class::COUNT],
    /// The end marks of PEM blocks.
    ends: keys::Ends,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            runs: [const { None }; Class::COUNT],
            ends: keys::Ends::default(),
        }
    }

    /// Returns the token of one of the forms here, from its first letter to after its last.
    pub(super) fn at(&mut self, at: usize) -> Option<(&'static str, std::ops::Range<usize>)> {
        let here = &self.bytes[at..];
        let possible = FORMS.iter().filter(|form| here.starts_with(form.prefix.as_bytes()));
        let mut found = possible.filter_map(|form| Some((form.kind, self.token(form, at)?)));
        found.next()
    }

    fn token(&mut self, form: &Form, at: usize) -> Option<std::ops::Range<usize>> {
        let tail = at + form.prefix.len();
        match form.tail {
            Tail::Least(class, least) => {
                let end = self.run_end(class, tail);
                (end - tail >= least && self.is_varied(tail, end)).then_some(at..end)
            }
            Tail::Word(class, exactly) => {
                let end = self.run_end(class, tail);
                let is_word = self.begins_word(at) && !self.bytes.get(end).is_some_and(|byte| Class::Url.has(*byte));
                (end - tail == exactly && is_word && self.is_varied(tail, end)).then_some(at..end)
            }
            Tail::OpenAi => {
                let end = self.run_end(Class::Url, tail);
                let sample = &self.bytes[tail..end.min(tail + OPEN_AI.1)];
                (end - tail >= 40 && memchr::memmem::find(sample, OPEN_AI.0).is_some()).then_some(at..end)
            }
            Tail::Jwt => self.jwt(at),
            Tail::Bearer => self.bearer(at, tail),
            Tail::AwsSecret => self.aws_secret(tail),
            Tail::PrivateKey => keys::block(self.bytes, tail, &mut self.ends).map(|end| at..end),
        }
    }

    /// Returns a header, a payload and a signature, each in base64; the first two are objects, which begin with `eyJ`.
    fn jwt(&mut self, at: usize) -> Option<std::ops::Range<usize>> {
        if !self.begins_word(at) {
            return None;
        }
        let header = self.run_end(Class::Url, at);
        let payload = header + 1;
        if header - at < 10 || self.bytes.get(header) != Some(&b'.') || !self.bytes[payload..].starts_with(b"eyJ") {
            return None;
        }
        let payload_end = self.run_end(Class::Url, payload);
        let end = match self.bytes.get(payload_end) {
            Some(b'.') => self.run_end(Class::Url, payload_end + 1),
            _ => return None,
        };
        (end - payload_end > 10).then_some(at..end)
    }

    fn bearer(&mut self, at: usize, tail: usize) -> Option<std::ops::Range<usize>> {
        let before = self.bytes[at.saturating_sub(30)..at].to_ascii_lowercase();
        memchr::memmem::find(&before, b"authorization")?;
        let end = self.run_end(Class::Bearer, tail);
        let token = &self.bytes[tail..end];
        let is_token = token.len() >= 20 && self.is_varied(tail, end) && token.iter().any(u8::is_ascii_digit);
        is_token.then_some(tail..end)
    }

    fn aws_secret(&mut self, tail: usize) -> Option<std::ops::Range<usize>> {
        let between = |byte: &&u8| b" \t\"'`:=>\\".contains(byte);
        let start = tail + self.bytes[tail..].iter().take(12).take_while(between).count();
        let end = self.run_end(Class::Bearer, start);
        (end - start == 40 && self.is_varied(start, end)).then_some(start..end)
    }

    /// Returns whether no letter of a word stands before `at`.
    fn begins_word(&self, at: usize) -> bool {
        at == 0 || !Class::Url.has(self.bytes[at - 1]) || ends_escape(self.bytes, at)
    }

    /// Returns the end of the letters of a class that begin at `from`.
    fn run_end(&mut self, class: Class, from: usize) -> usize {
        let known = &mut self.runs[class as usize];
        if let Some(run) = known.as_ref().filter(|run| run.contains(&from)) {
            return run.end;
        }
        let length = self.bytes[from..].iter().take_while(|byte| class.has(**byte)).count();
        *known = Some(from..from + length);
        from + length
    }

    fn is_varied(&self, start: usize, end: usize) -> bool {
        let mut seen = 0_u128;
        for byte in &self.bytes[start..end.min(start + SAMPLE)] {
            seen |= 1 << (byte & 0x7f);
        }
        seen.count_ones() >= VARIETY
    }
}
