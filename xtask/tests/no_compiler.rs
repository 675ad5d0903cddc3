//! A machine without a C compiler for AArch64: `--program FILE.c` says what to do, and does nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// A folder for a search path, with programs that refuse everything.
struct Path(PathBuf);

impl Path {
    fn with(name: &str, programs: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        for program in programs {
            let file = folder.join(program);
            fs::write(&file, "#!/bin/sh\nexit 1\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(folder.join("hello.c"), "int main(void) { return 0; }\n").unwrap();
        Self(folder)
    }

    /// What `qemu-test --program hello.c` says, which must fail.
    fn refusal(&self, compiler: Option<&str>) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.env_clear().env("PATH", &self.0).args(["qemu-test", "--program"]).arg(self.0.join("hello.c"));
        if let Some(compiler) = compiler {
            command.env("JACINTH_CC", compiler);
        }
        let out = command.output().unwrap();
        assert!(!out.status.success());
        String::from_utf8_lossy(&out.stderr).into_owned()
    }
}

#[test]
fn no_compiler_is_an_error_with_the_commands_to_type() {
    let said = Path::with("no-compiler", &["qemu-system-aarch64"]).refusal(None);
    for part in [
        "aarch64-linux-gnu-gcc cannot be installed from here. Type this and start again:",
        "sudo apt-get update && sudo apt-get install --no-install-recommends gcc-aarch64-linux-gnu",
        "sudo dnf install gcc-aarch64-linux-gnu",
        "JACINTH_CC=PATH",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

#[test]
fn a_compiler_for_other_machines_only_is_none() {
    let said = Path::with("other-compiler", &["qemu-system-aarch64", "clang"]).refusal(None);
    assert!(said.contains("gcc-aarch64-linux-gnu"), "{said}");
}

/// What comes after is another matter: here there is no Rust either.
#[test]
fn a_compiler_that_was_named_needs_no_other() {
    let said = Path::with("named-compiler", &["qemu-system-aarch64"]).refusal(Some("/somewhere/gcc"));
    assert!(!said.contains("gcc-aarch64-linux-gnu"), "{said}");
}
