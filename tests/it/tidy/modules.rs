//! The modules of `src/` and what they import of each other, read with `syn`: without tests, and with re-exports followed
//! to the module that defines the item.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemFn, ItemUse, Macro, Signature, UseTree, Visibility};

use super::{Text, below};

/// A module's place: the names from the root of the crate, which itself has none.
pub(super) type Place = Vec<String>;

/// All modules of `src/`.
pub(super) struct Modules {
    pub(super) by_place: BTreeMap<Place, Module>,
}

/// One module: a file of `src/`.
#[derive(Default)]
pub(super) struct Module {
    pub(super) file: String,
    /// How many lines the file has, tests included.
    pub(super) lines: usize,
    /// Names that it uses, as they stand there, and their lines.
    uses: Vec<(Place, usize)>,
    /// What it re-exports, by the name that it gives it.
    exports: BTreeMap<String, Place>,
    pub(super) functions: Vec<Function>,
}

/// A function or method.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
    pub(super) parameters: usize,
}

/// That one module uses something of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: Place,
    pub(super) to: Place,
    /// What is used, from the root of the crate.
    pub(super) name: String,
    pub(super) line: usize,
}

impl Modules {
    /// Reads the modules of this checkout.
    pub(super) fn read() -> Self {
        Self::of(&below("src/"))
    }

    pub(super) fn of(files: &[Text]) -> Self {
        let is_code =
            |file: &&Text| file.is_rust() && !file.path.ends_with("/tests.rs") && !file.path.contains("/tests/");
        let files: Vec<&Text> = files.iter().filter(is_code).collect();
        let places: Vec<Place> = files.iter().map(|file| place(&file.path)).collect();
        let mut by_place = BTreeMap::new();
        for (file, place) in files.iter().zip(&places) {
            let syntax = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
            let mut reader = Reader {
                place,
                places: &places,
                module: Module {
                    file: file.path.clone(),
                    lines: file.text.lines().count(),
                    ..Module::default()
                },
            };
            reader.visit_file(&syntax);
            by_place.insert(place.clone(), reader.module);
        }
        Self { by_place }
    }

    /// Returns what every module imports of another one.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, module) in &self.by_place {
            for (name, line) in &module.uses {
                if let Some(to) = self.home(name, 0).filter(|to| to != from) {
                    imports.push(Import {
                        from: from.clone(),
                        to,
                        name: name.join("::"),
                        line: *line,
                    });
                }
            }
        }
        imports
    }

    /// Returns the module in which a name is at home, wherever it is re-exported. Circles of re-exports end.
    fn home(&self, name: &[String], depth: usize) -> Option<Place> {
        let length = (0..=name.len())
            .rev()
            .find(|length| self.by_place.contains_key(&name[..*length]))?;
        let (place, rest) = name.split_at(length);
        let module = &self.by_place[place];
        let Some((item, rest)) = rest.split_first().filter(|_| depth < 8) else {
            return Some(place.to_vec());
        };
        if let Some(exported) = module.exports.get(item) {
            return self.home(&[exported.as_slice(), rest].concat(), depth + 1);
        }
        Some(place.to_vec())
    }
}

/// Returns the place of a file: `src/run/call.rs` is `run::call`. The roots of library and program have none.
fn place(path: &str) -> Place {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    match path {
        "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// Reads one file.
struct Reader<'a> {
    place: &'a Place,
    places: &'a [Place],
    module: Module,
}

impl Reader<'_> {
    /// Returns a name as it is from the root of the crate; `None` for one of another crate, or of this module.
    fn absolute(&self, name: &[String]) -> Option<Place> {
        let (first, rest) = name.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([self.place.as_slice(), rest].concat()),
            "super" => {
                let above = name.iter().take_while(|word| *word == "super").count();
                let kept = self.place.len().checked_sub(above)?;
                Some([&self.place[..kept], &name[above..]].concat())
            }
            child => {
                let child = [self.place.as_slice(), &[child.to_owned()]].concat();
                self.places.contains(&child).then(|| [child.as_slice(), rest].concat())
            }
        }
    }

    fn note(&mut self, name: &[String], line: usize) {
        // A single name is an item of this file, or was imported into it.
        if name.len() > 1
            && let Some(name) = self.absolute(name)
        {
            self.module.uses.push((name, line));
        }
    }

    /// Notes the paths in the body of a macro, which is nothing but tokens.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if path.is_empty() || colons == 2 => {
                    line = name.span().start().line;
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) => {
                    self.note(&path, line);
                    line = name.span().start().line;
                    path = vec![name.to_string()];
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            self.note(&path, line);
            path.clear();
            colons = 0;
        }
        self.note(&path, line);
    }

    fn note_function(&mut self, signature: &Signature, whole: proc_macro2::Span) {
        let (start, end) = (signature.span().start().line, whole.end().line);
        self.module.functions.push(Function {
            name: signature.ident.to_string(),
            line: start,
            lines: end - start + 1,
            parameters: signature.inputs.len(),
        });
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = item.span().start().line;
        for (name, alias) in leaves(&item.tree) {
            let Some(name) = self.absolute(&name) else { continue };
            if matches!(item.vis, Visibility::Inherited) {
                self.module.uses.push((name, line));
            } else {
                self.module.exports.insert(alias, name);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let name: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&name, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(super)` and `pub(in …)` use nothing.
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.note_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.note_function(&item.sig, item.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            self.note_function(&item.sig, item.span());
            visit::visit_impl_item_fn(self, item);
        }
    }
}

/// Returns the names of a tree of `use`, each with what it is called here.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => {
            let below = leaves(&path.tree).into_iter();
            let whole = |(name, alias): (Vec<String>, String)| {
                let name = match name.as_slice() {
                    [only] if only == "self" => Vec::new(),
                    _ => name,
                };
                ([vec![path.ident.to_string()], name].concat(), alias)
            };
            below
                .map(whole)
                .map(|(name, alias)| match alias.as_str() {
                    "self" => (name.clone(), name.last().cloned().unwrap_or_default()),
                    _ => (name, alias),
                })
                .collect()
        }
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Glob(_) => vec![(Vec::new(), "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether something is compiled for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(|list| names_test(&list.tokens))
    })
}

fn names_test(tokens: &TokenStream) -> bool {
    tokens.to_string() == "test"
}

#[test]
fn imports_are_found_wherever_they_stand() {
    let file = |path: &str, text: &str| Text {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let modules = Modules::of(&[
        file("src/lib.rs", "mod a;\nmod b;\n"),
        file("src/a.rs", "mod inner;\npub(crate) use inner::Thing as Known;\n"),
        file(
            "src/a/inner.rs",
            "use super::super::b::{self, x};\npub(crate) struct Thing;\n",
        ),
        file(
            "src/b.rs",
            "use crate::a::{self, Known};\nfn f(_: u8, _: u8) {\n    let y = crate::a::inner::z;\n    println!(\"{}\", crate::a::w);\n}\n\
             #[cfg(test)]\nuse crate::c;\n#[cfg(test)]\nmod tests { use crate::a::inner; }\n",
        ),
    ]);
    let found: Vec<_> = modules
        .imports()
        .into_iter()
        .map(|import| (import.from.join("::"), import.to.join("::"), import.line))
        .collect();
    let expect = [
        ("a::inner", "b", 1),
        ("a::inner", "b", 1),
        ("b", "a", 1),
        ("b", "a::inner", 1),
        ("b", "a::inner", 3),
        ("b", "a", 4),
    ];
    assert_eq!(
        found,
        expect.map(|(from, to, line)| (from.to_owned(), to.to_owned(), line))
    );
    let function = &modules.by_place[&["b".to_owned()][..]].functions[0];
    assert_eq!(
        (function.name.as_str(), function.lines, function.parameters),
        ("f", 4, 2)
    );
}
