//! The headers stand alone, and the library does what C says.

use super::*;

/// The compilers of this machine: Rust links with the first, so it is always there.
const HOST: [(&str, &[&str]); 2] = [("cc", &["c11", "c17"]), ("c++", &["c++17"])];
const STRICT: [&str; 6] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-ffreestanding"];

/// A command that checks C or C++ against the headers, by a compiler of this machine.
fn host(program: &str, standard: &str) -> Option<Command> {
    let mut command = Command::new(process::find_program(&[program])?);
    command.arg(format!("-std={standard}")).args(STRICT).arg("-I").arg(root().join("user/c/include"));
    command.args(["-x", if program == "c++" { "c++" } else { "c" }]);
    Some(command)
}

/// The same by each cross compiler that is installed, with the headers of the library.
fn cross() -> Vec<Compiler> {
    let names = Tool::Cc.programs();
    names.iter().filter_map(|name| process::find_program(&[name])).flat_map(Compiler::new).collect()
}

fn checked(mut command: Command, source: &Path, what: &str) {
    let out = process::capture(command.arg(source)).unwrap();
    assert!(out.status.success(), "{what}: {}\n{}", process::shown(&command), out.stderr);
}

fn headers(below: &str) -> Vec<String> {
    let include = root().join("user/c/include");
    let mut files = Vec::new();
    gather(&include.join(below), &mut files).unwrap();
    files.sort();
    files.iter().map(|file| file.strip_prefix(&include).unwrap().to_str().unwrap().to_owned()).collect()
}

/// Checks one file of this text, in every standard, by every compiler that is here.
fn check_everywhere(text: &str, what: &str) {
    let scratch = Scratch::new().unwrap();
    let source = scratch.path().join("one.c");
    fs::write(&source, text).unwrap();
    for (program, standards) in HOST {
        for standard in standards {
            match host(program, standard) {
                Some(command) => checked(command, &source, what),
                None => assert!(program != "cc", "there is no cc, without which Rust links nothing"),
            }
        }
    }
    check_for_the_target(&source, what);
}

fn check_for_the_target(source: &Path, what: &str) {
    for compiler in cross() {
        let mut command = compiler.command();
        // Not as a system's folder: the compiler keeps quiet about those.
        command.args(FLAGS).args(STRICT).arg("-I").arg(root().join("user/c/include"));
        command.arg("-isystem").arg(&compiler.headers);
        checked(command, source, what);
    }
}

#[test]
fn every_header_of_zircon_stands_alone() {
    let headers = headers("zircon");
    assert!(headers.len() >= 17, "{headers:?}");
    for header in headers {
        // Strict C does not allow a file that declares nothing.
        check_everywhere(&format!("#include <{header}>\n#include <{header}>\nextern int one;\n"), &header);
    }
}

#[test]
fn the_other_headers_stand_alone() {
    let scratch = Scratch::new().unwrap();
    for header in headers("").into_iter().filter(|header| !header.starts_with("zircon")) {
        let source = scratch.path().join("one.c");
        // A file with nothing but macros declares nothing, which strict C does not allow.
        fs::write(&source, format!("#include <{header}>\n#include <{header}>\nextern int one;\n")).unwrap();
        check_for_the_target(&source, &header);
    }
}

/// Nothing is declared twice: a program may include Zircon's headers and ours in one file.
#[test]
fn all_headers_go_together() {
    let mut text = String::from("extern int one;\n");
    for header in
        headers("").iter().filter(|name| name.starts_with("zircon/") || name.starts_with("jacinth/"))
    {
        text.push_str(&format!("#include <{header}>\n"));
    }
    check_everywhere(&text, "all headers");
}

#[test]
fn the_contracts_synopsis_compiles_as_it_stands() {
    let text = "#include <zircon/syscalls.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\
        zx_status_t zx_vmo_create_physical(zx_handle_t resource,\n                                   zx_paddr_t paddr,\n\
        \x20                                  size_t size,\n                                   zx_handle_t* out);\n\
        #ifdef __cplusplus\n}\n#endif\n\
        zx_status_t (*call)(zx_handle_t, zx_paddr_t, size_t, zx_handle_t*) = zx_vmo_create_physical;\n";
    check_everywhere(text, "the synopsis");
}

/// What `tests/conformance/c` compiles for EL0, here as C++ too: each number and each place, said a second time.
#[test]
fn the_numbers_are_zircons() {
    let text = fs::read_to_string(root().join("tests/conformance/c/numbers.c")).unwrap();
    check_everywhere(&text, "numbers.c");
}

/// A number's name can be asked about before there are types, and is of its type all the same.
#[test]
fn numbers_are_known_to_the_preprocessor() {
    let mut text =
        headers("zircon").iter().map(|header| format!("#include <{header}>\n")).collect::<String>();
    let mut count = 0;
    for header in headers("zircon") {
        let lines = fs::read_to_string(root().join("user/c/include").join(&header)).unwrap();
        let defines = lines.lines().filter_map(|line| line.strip_prefix("#define "));
        for (name, value) in defines.filter_map(|define| define.split_once(char::is_whitespace)) {
            let is_number = name.starts_with("ZX_") && !name.contains('(') && !value.contains("(uint8_t)");
            if is_number && !value.trim().is_empty() && !value.contains("INT64_M") {
                text.push_str(&format!("#if {name}\n#endif\n"));
                count += 1;
            }
        }
    }
    assert!(count > 500, "the numbers of the headers are not found any more: {count}");
    text.push_str("#ifndef __cplusplus\n");
    for (name, ty) in [
        ("ZX_RIGHT_READ", "zx_rights_t"),
        ("ZX_RSRC_SYSTEM_DEBUG_BASE", "zx_rsrc_system_base_t"),
        ("ZX_KOID_FIRST", "zx_koid_t"),
        ("ZX_MAX_NAME_LEN", "size_t"),
        ("ZX_HANDLE_INVALID", "zx_handle_t"),
        ("ZX_PRIORITY_DEFAULT", "int32_t"),
        ("ZX_TASK_RETCODE_OOM_KILL", "int64_t"),
        ("ZX_VMO_OP_COMMIT", "uint32_t"),
    ] {
        text.push_str(&format!("_Static_assert(_Generic(({name}), {ty}: 1), \"{name}\");\n"));
    }
    text.push_str("#endif\n");
    check_everywhere(&text, "numbers before types");
}

#[test]
fn a_structure_that_the_kernel_sees_otherwise_does_not_compile() {
    let scratch = Scratch::new().unwrap();
    let source = scratch.path().join("one.c");
    let text = "#include <zircon/types.h>\nstruct wrong { uint32_t a; uint64_t b; };\n";
    for (assert, right) in [
        ("ZX_LAYOUT_SIZE(struct wrong, 16, 8);", true),
        ("ZX_LAYOUT_FIELD(struct wrong, b, 8);", true),
        ("ZX_LAYOUT_SIZE(struct wrong, 12, 8);", false),
        ("ZX_LAYOUT_SIZE(struct wrong, 16, 4);", false),
        ("ZX_LAYOUT_FIELD(struct wrong, b, 4);", false),
    ] {
        fs::write(&source, format!("{text}{assert}\n")).unwrap();
        let out = process::capture(host("cc", "c17").unwrap().arg(&source)).unwrap();
        assert_eq!(out.status.success(), right, "{assert}: {}", out.stderr);
    }
}

/// The conformance list's MMB lines, by the same tests that run at EL0 (rows `*-c`), over a model of the calls.
#[test]
fn mmb_lines_hold_on_this_machine() {
    let scratch = Scratch::new().unwrap();
    let program = scratch.path().join("mmb");
    let mut command = Command::new(process::find_program(&["cc"]).unwrap());
    // The machine's own headers come first; only Zircon's names are ours.
    command.args(["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-g", "-idirafter"]);
    command.arg(root().join("user/c/include")).arg("-o").arg(&program);
    let sources =
        ["tests/conformance/c/hosted/shim.c", "tests/conformance/c/mmio_buffer.c", "user/c/src/mmio.c"];
    command.args(sources.map(|source| root().join(source))).arg(root().join("user/c/src/status.c"));
    let built = process::capture(&mut command).unwrap();
    assert!(built.status.success(), "{}", built.stderr);
    let run = process::capture(&mut Command::new(&program)).unwrap();
    assert!(run.status.success(), "{}{}", run.stdout, run.stderr);
    for number in ["001", "002", "004", "005", "007", "008", "010", "011", "013"] {
        assert!(run.stdout.contains(&format!("test MMB-{number} ... ok")), "MMB-{number}: {}", run.stdout);
    }
}

/// The library's functions, to be compiled under names that the machine's own library does not have.
const NAMES: &str = "printf fprintf snprintf sprintf vprintf vfprintf vsnprintf vsprintf puts fputs putchar putc fputc \
    fwrite fflush malloc calloc realloc reallocarray aligned_alloc free abort exit _Exit atexit atoi atol atoll strtol \
    strtoll strtoul strtoull strtoimax strtoumax strtod strtof sscanf vsscanf imaxabs imaxdiv \
    atof abs labs llabs div ldiv lldiv rand srand qsort bsearch getenv memcpy memmove memset \
    memcmp memchr strlen strnlen strcmp strncmp strcpy strncpy strlcpy strcat strncat strchr strrchr strstr strspn \
    strcspn strpbrk strtok strtok_r strdup strndup strcasecmp strncasecmp isdigit islower isupper isalpha isalnum \
    isblank isspace iscntrl isgraph isprint ispunct isxdigit tolower toupper";
/// What undefined behaviour does not go on after, without a library for it.
const TRAPS: [&str; 2] = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"];

/// The library beside this machine's own, which knows what C says.
#[test]
fn the_library_answers_as_this_machines_does() {
    let scratch = Scratch::new().unwrap();
    let cc = process::find_program(&["cc"]).unwrap();
    let mut objects = Vec::new();
    for name in ["ctype", "double", "format", "malloc", "number", "scan", "stdio", "stdlib", "string"] {
        let object = scratch.path().join(name).with_extension("o");
        let mut command = Command::new(&cc);
        command.args(["-std=gnu17", "-c", "-O1", "-g", "-ffreestanding", "-fno-builtin", "-Wall", "-Wextra"]);
        command.arg("-Werror").args(TRAPS).arg("-I").arg(root().join("user/c/include"));
        command.args(NAMES.split_whitespace().map(|name| format!("-D{name}=ours_{name}")));
        command.args(["-D__fini_array_start=ours_fini", "-D__fini_array_end=ours_fini_end"]);
        command.arg("-o").arg(&object);
        checked(command, &root().join("user/c/src").join(name).with_extension("c"), name);
        objects.push(object);
    }
    let program = scratch.path().join("library");
    let mut command = Command::new(&cc);
    command.args(["-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-idirafter"]);
    command.arg(root().join("user/c/include")).arg("-o").arg(&program).args(objects);
    command.arg(root().join("tests/conformance/c/hosted/reading.c")).arg("-lm");
    checked(command, &root().join("tests/conformance/c/hosted/library.c"), "library.c");
    let run = process::capture(&mut Command::new(&program)).unwrap();
    assert!(run.status.success(), "{}{}", run.stdout, run.stderr);
}

/// Thread-local data by a model: where the data of any program must lie.
#[test]
fn a_threads_own_data_lie_where_elf_says() {
    let scratch = Scratch::new().unwrap();
    let program = scratch.path().join("own_data");
    let mut command = Command::new(process::find_program(&["cc"]).unwrap());
    command.args(["-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-idirafter"]);
    command.arg(root().join("user/c/include")).args(TRAPS).arg("-o").arg(&program);
    checked(command, &root().join("tests/conformance/c/hosted/own_data.c"), "own_data.c");
    let run = process::capture(&mut Command::new(&program)).unwrap();
    assert!(run.status.success(), "{}{}", run.stdout, run.stderr);
}

/// Compiles these files as `--program` would.
fn compile_texts(files: &[(&str, &str)]) -> Result<Option<Compiled>> {
    let scratch = Scratch::new()?;
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = scratch.path().join(name);
            fs::write(&path, text).unwrap();
            path
        })
        .collect();
    compile(&paths)
}

fn refusal(files: &[(&str, &str)]) -> String {
    format!("{:#}", compile_texts(files).unwrap_err())
}

#[test]
fn a_file_with_main_is_a_program_and_the_others_belong_to_all() {
    assert!(compile_texts(&[("program.elf", "")]).unwrap().is_none());
    if cross().is_empty() {
        eprintln!("no C compiler for AArch64 is here: nothing was compiled");
        return;
    }
    let main = "int main(void) { return 0; }\n";
    let compiled =
        compile_texts(&[("one.c", main), ("two.c", main), ("more.c", "int more;\n")]).unwrap().unwrap();
    let names: Vec<&str> = compiled.mains.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, compiled.others.len()), (vec!["one", "two"], 1));
}

#[test]
fn what_cannot_be_compiled_says_what_to_do() {
    let missing = compile(&[PathBuf::from("nowhere/hello.c")]).unwrap_err().to_string();
    assert!(missing.contains("there is no file nowhere/hello.c: --program takes a C source"), "{missing}");
    if cross().is_empty() {
        eprintln!("no C compiler for AArch64 is here: nothing was compiled");
        return;
    }
    let error = refusal(&[("lost.c", "int lost;\n")]);
    assert!(error.starts_with("there is no main in "), "{error}");
    assert!(error.contains("lost.c: give it as `int main(int argc, char** argv)`"), "{error}");
    let error = refusal(&[("broken.c", "int main(void) { return nothing; }\n")]);
    assert!(error.contains("broken.c does not compile; the compiler's messages are above"), "{error}");
}
