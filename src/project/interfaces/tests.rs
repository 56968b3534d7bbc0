use super::*;

/// Returns the changes of one file, a line each without its path.
fn of(path: &str, before: &str, after: &str) -> Vec<String> {
    let files = [(path.to_owned(), before.to_owned(), after.to_owned())];
    let told = |change: &InterfaceChange| change.to_string().split_once(": ").unwrap().1.to_owned();
    compare(files).0.iter().map(told).collect()
}

/// Returns the declarations in a file, in order.
fn declared(path: &str, text: &str) -> Vec<String> {
    reader(path).unwrap()(text)
        .unwrap()
        .into_iter()
        .map(|item| item.shown)
        .collect()
}

#[test]
fn public_items_of_rust_are_read_with_what_they_stand_in() {
    let text = "//! pub fn no() {}\npub mod parse;\npub(crate) fn own() {}\nfn private() {}\n\
                pub use self::size::{Size, Width};\n\
                #[derive(Debug)]\npub struct Size<T> {\n    /// pub field\n    pub width: T,\n    height: u8,\n}\n\
                impl<T: Copy> Size<T> {\n    pub const fn new(\n        width: T,\n        height: u8,\n    ) -> Self {\n        loop {}\n    }\n\
                \x20   fn own(&self) {}\n    pub(super) fn near(&self) {}\n}\n\
                pub const MOST: usize = 3;\npub unsafe extern \"C\" fn raw(x: u8) -> u8 { x }\npub type Sizes = Vec<u8>;\n\
                mod tests {\n    pub fn helper() {}\n}\n";
    assert_eq!(
        declared("src/lib.rs", text),
        [
            "pub mod parse",
            "pub use self::size::{Size, Width}",
            "pub struct Size<T>",
            "struct Size<T>: pub width: T",
            "impl<T: Copy> Size<T>: pub const fn new( width: T, height: u8, ) -> Self",
            "pub const MOST: usize",
            "pub unsafe extern \"C\" fn raw(x: u8) -> u8",
            "pub type Sizes",
            "mod tests: pub fn helper()",
        ]
    );
}

#[test]
fn what_a_module_exports_is_read() {
    let text = "import { x } from './x';\nexport const size = (cm: number): number => cm * 2;\n\
                export async function load(\n  path: string,\n): Promise<Size> {\n  return f(path);\n}\n\
                export default class Table extends Base {\n  export = 1;\n}\nexport interface Size { width: number }\n\
                export type Kind = 'a' | 'b';\nexport {\n  one,\n  two as three,\n} from './numbers';\nexport * from './all';\n\
                exports.half = half;\nmodule.exports = { whole };\nconst exported = 1;\nexports.a == b;\n";
    assert_eq!(
        declared("src/size.ts", text),
        [
            "export const size = (cm: number): number",
            "export async function load( path: string, ): Promise<Size>",
            "export default class Table extends Base",
            "export interface Size",
            "export type Kind = 'a' | 'b'",
            "export { one }",
            "export { three }",
            "export * from './all'",
            "exports half",
            "exports whole",
        ]
    );
    let before = "module.exports = {\n  size,\n  width: (cm) => { return { cm, mm: 1 }; }, // in, all\n  async load(path, [a, b]) {\n    x();\n  },\n  \
                  'a-b': 1,\n  ...others,\n};\nconst no = 1;\n";
    assert_eq!(
        declared("src/size.js", before),
        [
            "exports size",
            "exports width",
            "exports load",
            "exports 'a-b'",
            "exports ...others"
        ]
    );
    let after = before.replace("  size,\n", "");
    assert_eq!(of("src/size.js", before, &after), ["`exports size` is gone"]);
    assert_eq!(
        declared("a.js", "module.exports = f({ a, b });\nexports = {};\n"),
        ["exports as a whole"; 2]
    );
}

#[test]
fn names_at_the_top_level_of_python_are_read() {
    let text = "\"\"\"Sizes.\n\ndef not_one():\n\"\"\"\nimport os\nfrom x import y\nMOST = 3\nMOST = 4\nwidth: int = 2\n_own = 1\n\
                if MOST == 3:\n    inner = 1\nelse:\n    pass\nMOST += 1\nf(x, y=2)\n\
                def size(cm: float, *,\n         half: bool = False) -> dict[str, int]:\n    def deeper(): pass\n\
                async def load(path): ...\nclass Table(Base):\n    def method(self): pass\ndef _private(): pass\n";
    assert_eq!(
        declared("sizes/table.py", text),
        [
            "MOST",
            "width: int",
            "def size(cm: float, *, half: bool = False) -> dict[str, int]",
            "async def load(path)",
            "class Table(Base)",
        ]
    );
}

#[test]
fn exported_names_of_go_are_read() {
    let text = "package sizes\n\nimport (\n\t\"fmt\"\n)\n\nconst (\n\tMost = 3\n\tleast = 1\n)\n\nvar Table map[string]int\n\n\
                type Size struct {\n\tWidth int `json:\"width\"`\n\theight int\n\tInner struct {\n\t\tDeep int\n\t}\n}\n\n\
                func New(\n\twidth int,\n) (*Size, error) {\n\treturn nil, fmt.Errorf(\"x\")\n}\n\
                func (s *Size) Half() int { return s.Width / 2 }\nfunc (t table) Half() int { return 1 }\nfunc own() {}\n";
    assert_eq!(
        declared("sizes/size.go", text),
        [
            "const Most",
            "var Table map[string]int",
            "type Size struct",
            "type Size: Width int",
            "type Size: Inner struct {",
            "func New( width int, ) (*Size, error)",
            "func (s *Size) Half() int",
        ]
    );
}

#[test]
fn a_change_is_told_once_and_layout_is_none() {
    let before = "pub fn one(a: u8) {}\npub fn two(\n    a: u8,\n) {\n}\npub fn three() {}\n";
    let after = "pub fn two(a: u8) {}\npub fn one(a: u16) {}\npub fn four() {}\n";
    assert_eq!(
        of("src/a.rs", before, after),
        [
            "`pub fn one(a: u8)` is `pub fn one(a: u16)` now",
            "`pub fn three()` is gone",
            "`pub fn four()` is new",
        ]
    );
    // Two of the same name in one file, such as two `new`.
    let two = "impl A {\n    pub fn new() {}\n}\nimpl B {\n    pub fn new() {}\n}\n";
    let one = "impl A {\n    pub fn new() {}\n}\nimpl B {\n    pub fn new(x: u8) {}\n}\n";
    assert_eq!(
        of("src/a.rs", two, one),
        ["`impl B: pub fn new()` is `impl B: pub fn new(x: u8)` now"]
    );
    let text = |text: &str| text.to_owned();
    let (moved, _) = compare([
        (
            text("src/a.rs"),
            text("pub fn one() {}\npub fn two() {}\n"),
            text("pub fn two() {}\n"),
        ),
        (text("src/b.rs"), text(""), text("pub fn one() {}\n")),
        (text("tests/a.rs"), text("pub fn helper() {}\n"), text("")),
        (text("src/a.test.ts"), text("export const x = 1\n"), text("")),
        (text("README.md"), text("pub fn one() {}\n"), text("")),
    ]);
    let told: Vec<String> = moved.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["src/a.rs: `pub fn one()` is in src/b.rs now"]);
}

#[test]
fn no_text_takes_it_down() {
    let odd = [
        "pub ",
        "pub fn",
        "export {",
        "export ",
        "def ",
        "func (",
        "type ",
        "var (\n\tÄ",
        "pub(",
        "x: ",
        "\"\"\"",
        "pub extern \"",
        "class é(",
    ];
    for path in ["a.rs", "a.ts", "a.py", "a.go"] {
        let all = odd.join("\n");
        for text in odd.into_iter().chain([all.as_str()]) {
            let _ = declared(path, text);
        }
    }
}

#[test]
fn a_file_with_very_many_items_is_unread_and_takes_no_time() {
    let many = |line: &dyn Fn(usize) -> String, count: usize| (0..count).map(line).collect::<Vec<_>>().concat();
    let wide = "a, ".repeat(1500);
    let header = format!("impl {} {{\n", "T".repeat(10_000));
    for (path, before, after) in [
        (
            "a.rs",
            String::new(),
            many(&|number| format!("pub mod m{number};\n"), 60_000),
        ),
        (
            "a.py",
            many(&|number| format!("a{number}=1\n"), 90_000),
            many(&|number| format!("b{number}=1\n"), 90_000),
        ),
        (
            "a.go",
            String::new(),
            many(&|number| format!("var A{number} int\n"), 60_000),
        ),
        (
            "a.ts",
            String::new(),
            many(&|_| format!("export {{ {wide}\n"), 200) + "}\n",
        ),
        // What they stand in is repeated in each.
        (
            "b.rs",
            String::new(),
            header + &many(&|number| format!("    pub fn f{number}();\n"), 4000),
        ),
    ] {
        let (changes, unread) = compare([(path.to_owned(), before, after)]);
        assert_eq!((changes.len(), unread), (0, 1), "{path}");
    }
    // As many as are read, none of them the same: what takes the square of them does not end.
    let files = (0..20).map(|file| {
        let items = |kind: &str| many(&|number| format!("pub mod {kind}{file}_{number};\n"), 5000);
        (format!("{file}.rs"), items("one"), items("other"))
    });
    let (changes, unread) = compare(files);
    assert_eq!((changes.len(), unread), (200_000, 0));
}
