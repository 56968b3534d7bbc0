//! The parts of a document that can hold items, in order: headings, paragraphs, list items and rows of tables. Code and HTML
//! are left out.

use std::rc::Rc;

use pulldown_cmark::{Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

/// How deep lists may be; what is deeper belongs to the item above it.
const DEEPEST: usize = 32;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// Its line, counted from 1.
    pub(super) line: u32,
    pub(super) what: What,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Lines of the front matter.
    Front(String),
    Heading {
        level: u8,
        text: String,
    },
    Paragraph {
        text: String,
        lead: String,
    },
    Item(ListItem),
    Row {
        columns: Rc<Vec<String>>,
        cells: Vec<String>,
    },
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ListItem {
    /// How many lists it is in, counted from 0.
    pub(super) depth: usize,
    /// Whether it has a box, and whether that is ticked.
    pub(super) checked: Option<bool>,
    /// Its first paragraph.
    pub(super) text: String,
    /// The bold or code words that it begins with.
    pub(super) lead: String,
    /// Whether all of it is struck out.
    pub(super) is_struck: bool,
    /// Its further paragraphs.
    pub(super) more: String,
}

/// Returns the parts of a document.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::new(text);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.take(event, range.start);
    }
    reader.blocks
}

/// Inline text while it is read.
#[derive(Default)]
struct Inline {
    text: String,
    /// The bold or code words at its beginning.
    lead: String,
    /// Whether what comes is bold from the beginning on.
    leads: bool,
    /// How many characters are struck out, of how many.
    struck: usize,
    all: usize,
    in_struck: bool,
}

impl Inline {
    fn push(&mut self, text: &str) {
        if self.leads {
            self.lead.push_str(text);
        }
        let count = text.chars().filter(|letter| !letter.is_whitespace()).count();
        self.all += count;
        self.struck += if self.in_struck { count } else { 0 };
        self.text.push_str(text);
    }

    fn code(&mut self, text: &str) {
        if self.text.trim().is_empty() {
            text.clone_into(&mut self.lead);
        }
        self.push(text);
    }

    fn strong(&mut self, begins: bool) {
        self.leads = begins && self.text.trim().is_empty();
    }
}

struct Reader<'a> {
    source: &'a str,
    blocks: Vec<Block>,
    inline: Inline,
    /// How far lines were counted, and how many there are up to there.
    counted: (usize, u32),
    /// The places in `blocks` of the list items that are open.
    items: Vec<usize>,
    columns: Rc<Vec<String>>,
    cells: Vec<String>,
    /// Within code, HTML or front matter.
    skipped: usize,
    in_front: bool,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            blocks: Vec::new(),
            inline: Inline::default(),
            counted: (0, 1),
            items: Vec::new(),
            columns: Rc::default(),
            cells: Vec::new(),
            skipped: 0,
            in_front: false,
        }
    }

    fn take(&mut self, event: Event<'_>, start: usize) {
        match event {
            Event::Start(tag) => self.begin(&tag, start),
            Event::End(tag) => self.end(tag, start),
            Event::Text(text) if self.skipped == 0 => self.inline.push(&text),
            Event::Code(text) if self.skipped == 0 => self.inline.code(&text),
            Event::SoftBreak | Event::HardBreak if self.skipped == 0 => self.inline.push("\n"),
            Event::TaskListMarker(checked) => {
                if let Some(item) = self.open_item() {
                    item.checked = Some(checked);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, tag: &Tag<'_>, start: usize) {
        match tag {
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::Image { .. } => self.skipped += 1,
            Tag::MetadataBlock(MetadataBlockKind::YamlStyle) => self.in_front = true,
            Tag::Item => {
                self.flush_item();
                let depth = self.items.len();
                self.items.push(self.blocks.len());
                let item = ListItem {
                    depth: depth.min(DEEPEST),
                    ..ListItem::default()
                };
                self.push(start, What::Item(item));
            }
            Tag::List(_) => self.flush_item(),
            Tag::Heading { .. } | Tag::Paragraph | Tag::TableCell => self.inline = Inline::default(),
            Tag::TableHead | Tag::TableRow => self.cells.clear(),
            Tag::Strong => self.inline.strong(true),
            Tag::Strikethrough => self.inline.in_struck = true,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, start: usize) {
        match tag {
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::Image => self.skipped = self.skipped.saturating_sub(1),
            TagEnd::MetadataBlock(_) => {
                self.in_front = false;
                let text = std::mem::take(&mut self.inline).text;
                self.push(start, What::Front(text));
            }
            TagEnd::Heading(level) => {
                let text = std::mem::take(&mut self.inline).text.replace('\n', " ");
                self.push(
                    start,
                    What::Heading {
                        level: number(level),
                        text,
                    },
                );
            }
            TagEnd::Paragraph if self.items.is_empty() => {
                let Inline { text, lead, .. } = std::mem::take(&mut self.inline);
                self.push(start, What::Paragraph { text, lead });
            }
            TagEnd::Paragraph => self.flush_item(),
            TagEnd::Item => {
                self.flush_item();
                self.items.pop();
            }
            TagEnd::TableCell => self.cells.push(std::mem::take(&mut self.inline).text.trim().to_owned()),
            TagEnd::TableHead => self.columns = Rc::new(std::mem::take(&mut self.cells)),
            TagEnd::TableRow => {
                let row = What::Row {
                    columns: Rc::clone(&self.columns),
                    cells: std::mem::take(&mut self.cells),
                };
                self.push(start, row);
            }
            TagEnd::Strong => self.inline.strong(false),
            TagEnd::Strikethrough => self.inline.in_struck = false,
            _ => {}
        }
    }

    fn open_item(&mut self) -> Option<&mut ListItem> {
        let at = *self.items.last()?;
        match &mut self.blocks.get_mut(at)?.what {
            What::Item(item) => Some(item),
            _ => None,
        }
    }

    /// Puts what was read into the open item: its first text, or more of it.
    fn flush_item(&mut self) {
        if self.items.is_empty() {
            return;
        }
        let inline = std::mem::take(&mut self.inline);
        let text = inline.text.trim();
        let Some(item) = self.open_item().filter(|_| !text.is_empty()) else {
            return;
        };
        if item.text.is_empty() {
            text.clone_into(&mut item.text);
            inline.lead.trim().clone_into(&mut item.lead);
            item.is_struck = inline.struck > 0 && inline.struck == inline.all;
        } else {
            item.more.push_str(text);
            item.more.push('\n');
        }
    }

    fn push(&mut self, start: usize, what: What) {
        let (from, line) = self.counted;
        // Positions do not always grow: the end of a block has its start.
        let lines = memchr::memchr_iter(b'\n', self.source.as_bytes().get(from..start).unwrap_or_default()).count();
        let line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.counted = (start.max(from), line);
        self.blocks.push(Block { line, what });
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
