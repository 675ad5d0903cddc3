//! What `run`, `qemu-test` and `debug` share: which programs start, with which boot arguments, from what.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::bootargs;
use crate::build::{self, Artifacts, Program};
use crate::c;
use crate::paths;
use crate::qemu::{Boot, MachineArgs};
use crate::scratch::Scratch;
use crate::session::Session;
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::symbolise::Symboliser;

/// What to boot, and on what.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct BootArgs {
    /// Put this program into the boot file system and start it instead of the board's default; may be given many
    /// times. An ELF file is packed under its file name. C sources (.c) are compiled: each that defines `main` is a
    /// program, called like the file without .c, and those that do not are linked into every one of them
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Vec<PathBuf>,

    /// Give this to the programs that --program names: `roots` (the ranged roots, the job and more), or a node's path
    /// for its windows and interrupts; may be given many times
    #[arg(long, value_name = "roots|/NODE/PATH", value_parser = grant)]
    pub(crate) grant: Vec<String>,

    /// More boot arguments: program=NAME, grant=NAME:/node/path, grant=NAME:roots, test, log=LEVEL, console=NAME
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(crate) append: Vec<String>,

    /// Boot what the last build left, without building
    #[arg(long)]
    pub(crate) no_build: bool,

    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

/// What `--grant` takes.
fn grant(text: &str) -> Result<String, String> {
    if text == "roots" || text.starts_with('/') && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    Err("it is neither `roots` nor the path of a node, such as /pl031@9010000. `cargo xtask devmap FILE.dtb` lists a \
         tree's nodes"
        .to_owned())
}

impl BootArgs {
    /// Whether there is something to compile.
    pub(crate) fn has_sources(&self) -> bool {
        self.program.iter().any(|path| c::is_source(path))
    }
}

/// Everything that a session needs, on disk.
pub(crate) struct Prepared {
    pub(crate) boot: Boot,
    pub(crate) artifacts: Artifacts,
    pub(crate) elves: Vec<PathBuf>,
    pub(crate) symboliser: Symboliser,
    /// Holds the boot file system of this run.
    _scratch: Scratch,
}

impl Prepared {
    /// Builds, packs the programs and composes the boot arguments.
    pub(crate) fn new(toolchain: Toolchain, args: &BootArgs, semihosting: bool) -> Result<Self> {
        ensure!(
            args.grant.is_empty() || !args.program.is_empty(),
            "--grant gives to the programs that --program names: name one"
        );
        // What is wrong with a program is better known before the build than after it.
        let linked = args.program.iter().filter(|path| !c::is_source(path));
        let mut programs = linked.map(|path| Program::from_file(path)).collect::<Result<Vec<_>>>()?;
        let compiled = c::compile(&args.program)?;
        let artifacts = if args.no_build { last_build()? } else { build::all(toolchain)? };
        if let Some(compiled) = &compiled {
            programs.extend(compiled.link(&artifacts)?);
        }
        let names: Vec<String> = programs.iter().map(|program| program.name.clone()).collect();
        let board = args.machine.board();
        let default = board.map_or("", |board| board.arguments);
        programs.extend(board.map(|board| board.programs(&artifacts)).unwrap_or_default());
        let arguments = bootargs::compose(default, &names, &args.grant, &args.append, semihosting);
        Self::with(artifacts, &programs, arguments, semihosting)
    }

    /// Packs `programs` beside those of every build and boots with `arguments` as they are.
    pub(crate) fn with(
        artifacts: Artifacts,
        programs: &[Program],
        arguments: String,
        semihosting: bool,
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        let bootfs = if programs.is_empty() {
            artifacts.bootfs.clone()
        } else {
            let own = scratch.path().join("bootfs.img");
            build::write_bootfs(&artifacts, &own, programs)?;
            own
        };
        let mut elves = artifacts.elves();
        elves.extend(programs.iter().map(|program| program.path.clone()));
        let built =
            elves.iter().filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path.clone())));
        let named = programs.iter().map(|program| (program.name.clone(), program.path.clone()));
        let symboliser = Symboliser::new(artifacts.kernel_elf.clone(), built.chain(named));
        let image = artifacts.image.clone();
        let boot = Boot { image, bootfs, arguments, semihosting, by_qemu: true, gdb: None };
        Ok(Self { boot, artifacts, elves, symboliser, _scratch: scratch })
    }

    /// A session that boots this on `machine`: nobody types, and it may take as long as it takes.
    pub(crate) fn session<'a>(&'a self, machine: &'a MachineArgs, stop: &'a Stop) -> Session<'a> {
        Session {
            machine,
            boot: &self.boot,
            elves: &self.elves,
            symboliser: self.symboliser.clone(),
            interactive: false,
            limit: None,
            prefix: "",
            stop,
        }
    }
}

fn last_build() -> Result<Artifacts> {
    let artifacts = Artifacts::locate();
    ensure!(
        artifacts.image.exists() && artifacts.bootfs.exists(),
        "there is no finished build in {}. Leave --no-build out, or run `cargo xtask build` first",
        paths::shown(&paths::out_dir())
    );
    Ok(artifacts)
}
