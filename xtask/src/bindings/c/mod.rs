//! The C headers, `user/c/include/zircon/`, written from `abi`: names and layouts that Fuchsia's programmers know.
//!
//! A structure is declared with the C types that Zircon gives its fields; its size, its alignment and the place of
//! each field are `abi`'s, as static asserts behind it. A header stands alone: it includes what it needs, in C11 and
//! later and in C++17.

pub(super) mod calls;
mod compiler;
mod devices;
mod objects;
mod process;
mod types;
mod unbuilt;

use std::fmt::Write;

use abi::layout::AbiStruct;

/// A header to be.
pub(super) struct Header {
    /// Its path, from `zircon/`.
    pub(super) path: &'static str,
    pub(super) text: String,
}

/// Every header that is written from `abi`.
pub(super) fn headers() -> Vec<Header> {
    let mut headers = compiler::headers();
    headers.extend(types::headers());
    headers.push(calls::header());
    headers.extend(objects::headers());
    headers.extend(process::headers());
    headers.extend(devices::headers());
    headers.extend(unbuilt::headers());
    headers.push(Header { path: "../../src/statuses.inc", text: types::statuses() });
    headers
}

/// A structure as `abi` lays it out.
struct Shape {
    name: &'static str,
    size: usize,
    align: usize,
    /// Names, types and places; a count of 0 is a plain field.
    fields: Vec<(&'static str, &'static str, usize, usize)>,
}

impl Shape {
    fn of<T: AbiStruct>() -> Self {
        let fields = T::FIELDS.iter().map(|field| (field.name, field.c_type, field.count, field.offset));
        Self { name: T::C_NAME, size: T::SIZE, align: align_of::<T>(), fields: fields.collect() }
    }
}

/// How C declares a field that `abi` calls or types otherwise: abi's name for it, and the declaration.
type Spelling = (&'static str, &'static str);

/// Collects a header's text.
struct Writer {
    path: &'static str,
    text: String,
}

impl Writer {
    /// Begins a header: what it is, and what it includes.
    fn new(path: &'static str, what: &str, includes: &[&str]) -> Self {
        let mut text = format!(
            "/* {what}\n *\n * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */\n"
        );
        let guard = guard(path);
        let _ = write!(text, "#ifndef {guard}\n#define {guard}\n\n");
        for include in includes {
            let _ = writeln!(text, "#include <{include}>");
        }
        if !includes.is_empty() {
            text.push('\n');
        }
        Self { path, text }
    }

    fn end(mut self) -> Header {
        let _ = writeln!(self.text, "#endif /* {} */", guard(self.path));
        Header { path: self.path, text: self.text }
    }

    /// Lines as they are, and an empty one.
    fn lines(&mut self, lines: &str) {
        let _ = write!(self.text, "{}\n\n", lines.trim_end());
    }

    /// A comment and the names of some values of a type.
    fn values(&mut self, comment: &str, ty: &str, values: &[(&str, u64)]) {
        let _ = writeln!(self.text, "/* {comment} */");
        let longest = values.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in values {
            let _ = writeln!(self.text, "#define {name:longest$} {}", literal(ty, *value));
        }
        self.text.push('\n');
    }

    /// A structure with its asserts.
    fn structure<T: AbiStruct>(&mut self, comment: &str, spellings: &[Spelling]) {
        let shape = Shape::of::<T>();
        let declared = |(name, ty, count, _): &(&'static str, &'static str, usize, usize)| {
            let spelling = spellings.iter().find(|(field, _)| field == name);
            match (spelling, count) {
                (Some((_, declaration)), _) => (*declaration).to_owned(),
                (None, 0) => format!("{ty} {name}"),
                (None, _) => format!("{ty} {name}[{count}]"),
            }
        };
        for (field, _) in spellings {
            let known = shape.fields.iter().any(|(name, ..)| name == field);
            assert!(known, "{} has no field {field}", shape.name);
        }
        let _ = writeln!(self.text, "/* {comment} */");
        let _ = writeln!(self.text, "typedef struct {} {{", shape.name.trim_end_matches("_t"));
        for field in &shape.fields {
            let _ = writeln!(self.text, "  {};", declared(field));
        }
        let _ = writeln!(self.text, "}} {};", shape.name);
        let places: Vec<(String, usize)> =
            shape.fields.iter().map(|field| (declared_name(&declared(field)).to_owned(), field.3)).collect();
        self.asserts(shape.name, shape.size, shape.align, &places);
    }

    /// Asserts for a structure that was declared by [`Writer::lines`].
    fn asserts(&mut self, name: &str, size: usize, align: usize, places: &[(String, usize)]) {
        let _ = writeln!(self.text, "ZX_LAYOUT_SIZE({name}, {size}, {align});");
        for (field, offset) in places {
            let _ = writeln!(self.text, "ZX_LAYOUT_FIELD({name}, {field}, {offset});");
        }
        self.text.push('\n');
    }
}

/// A value of a type as a literal that is of that type by itself: the preprocessor knows no casts. AArch64 and the
/// machines that build for it have longs of 64 bits. No literal is as narrow as a byte.
fn literal(ty: &str, value: u64) -> String {
    let shown = if value < 10 { value.to_string() } else { format!("{value:#x}") };
    match ty {
        "uint8_t" => format!("((uint8_t){shown}u)"),
        "int32_t" => shown,
        "size_t" | "uint64_t" | "zx_koid_t" | "zx_rsrc_system_base_t" => format!("{shown}ul"),
        _ => format!("{shown}u"),
    }
}

/// The name in a declaration: its last word, without an array's bounds.
fn declared_name(declaration: &str) -> &str {
    let before = declaration.split('[').next().unwrap_or(declaration);
    before.rsplit([' ', '*']).next().unwrap_or(before)
}

/// `zircon/syscalls/object.h` is `ZIRCON_SYSCALLS_OBJECT_H_`.
fn guard(path: &str) -> String {
    let name: String =
        path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if path.starts_with("../") {
        format!("{}_", name.trim_start_matches('_'))
    } else {
        format!("ZIRCON_{name}_")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::paths;

    fn folder() -> std::path::PathBuf {
        paths::root().join("user/c/include/zircon")
    }

    #[test]
    fn the_c_headers_are_up_to_date() {
        let bless = std::env::var_os("JACINTH_BLESS").is_some();
        for header in headers() {
            let path = folder().join(header.path);
            if bless {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &header.text).unwrap();
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == header.text,
                "{} differs from kernel/abi. Type: JACINTH_BLESS=1 cargo test -p xtask bindings",
                path.display()
            );
        }
    }

    #[test]
    fn every_structure_of_the_abi_is_in_a_header() {
        let written: String = headers().into_iter().map(|header| header.text).collect();
        let mut seen = BTreeSet::new();
        for file in fs::read_dir(paths::root().join("kernel/abi/src")).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines().map(str::trim) {
                let Some((_, name)) = line.strip_prefix("struct ").and_then(|rest| rest.split_once(" as \""))
                else {
                    continue;
                };
                let name = name.split('"').next().unwrap();
                // What only the kernel and the tools read.
                let internal = ["jacinth_bootfs_", "jacinth_vdso_", "padded_t"];
                if internal.iter().all(|start| !name.starts_with(start)) {
                    assert!(
                        written.contains(&format!("ZX_LAYOUT_SIZE({name}, ")),
                        "no header has {name}: add it to xtask/src/bindings/c"
                    );
                    seen.insert(name.to_owned());
                }
            }
        }
        assert!(seen.len() > 15, "the structures of the abi are not found any more: {seen:?}");
    }

    #[test]
    fn a_declaration_has_a_name() {
        assert_eq!(declared_name("uint32_t kind"), "kind");
        assert_eq!(declared_name("char name[ZX_MAX_NAME_LEN]"), "name");
        assert_eq!(declared_name("const void *wr_bytes"), "wr_bytes");
    }
}
