//! What a scan costs: beside the YARA engine alone over the same files with the same rules, beside unpacking and hashing them, which no scan
//! can leave out, in memory, and to start.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use scanner::readers::Rules;
use scanner::{Config, Engine, Verdict};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::corpus::{self, Content};
use crate::function::Function;
use crate::number::{Ratio, as_mb, as_ms, median, micros};
use crate::stack::Stack;
use crate::table::{Table, line};
use crate::targets::Targets;
use crate::zip;

/// The function that scans, and its compiled rules as deployed.
const FUNCTION: &str = "scanning";
const RULES: &str = "rules.bin";
const ROUNDS: usize = 5;
/// Of the YARA engine's bytes a second.
const TARGET: Ratio = Ratio::hundredths(70);
/// The first argument of the process whose memory is measured; rules and packages follow.
pub(crate) const ALONE: &str = "scan-alone";

pub(crate) async fn measure(stack: &Stack, functions: &[Function], targets: &mut Targets) -> Result<()> {
    let rules = stack.code(FUNCTION).join(RULES);
    let function = functions.iter().find(|function| function.name == FUNCTION);
    let memory_mb = function.context("no function scans")?.memory_mb;
    let packages = write(&corpus::all(100)?, &stack.state.join("corpus"))?;
    let compiled = fs::read(&rules).with_context(|| rules.display().to_string())?;
    speed(&compiled, &packages, targets)?;
    memory(&rules, &packages, memory_mb).await?;
    start(&compiled)
}

/// A package of the corpus.
struct Package {
    content_type: &'static str,
    place: PathBuf,
    /// As the scan sees them: those of a project as well as the project.
    files: Vec<Vec<u8>>,
}

impl Package {
    fn bytes(&self) -> Result<u64> {
        Ok(u64::try_from(self.files.iter().map(Vec::len).sum::<usize>())?)
    }
}

fn write(contents: &[Content], folder: &Path) -> Result<Vec<Package>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let one = |content: &Content| {
        let packed = content.pack(&folder.join(content.content_type))?;
        let place = folder.join(content.content_type).with_extension("zip");
        fs::write(&place, &packed)?;
        Ok(Package {
            content_type: content.content_type,
            place,
            files: files(&packed)?,
        })
    };
    contents.iter().map(one).collect()
}

fn files(package: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for (path, content) in zip::files(package)? {
        if path.ends_with(".dawproject") {
            files.extend(self::files(&content)?);
        }
        files.push(content);
    }
    Ok(files)
}

fn speed(compiled: &[u8], packages: &[Package], targets: &mut Targets) -> Result<()> {
    let engine = Engine::new(Config::new(compiled.to_vec()))?;
    let yara = Rules::load(compiled)?;
    let title = format!(
        "Scan: the whole of it beside YARA alone over the same files with the same rules, in turns, median of {ROUNDS}"
    );
    let mut table = Table::new(
        &title,
        &[
            "package",
            "files",
            "MB",
            "YARA, MB/s",
            "unpack, MB/s",
            "scan, MB/s",
            "of YARA",
            "of both",
        ],
    );
    let (mut files, mut bytes, mut all) = (0, 0, Took::default());
    for package in packages {
        let took = turns(&engine, &yara, package).with_context(|| package.content_type.to_owned())?;
        table.row(took.row(package.content_type, package.files.len(), package.bytes()?));
        files += package.files.len();
        bytes += package.bytes()?;
        all = all.and(took);
    }
    table.row(all.row("all", files, bytes));
    table.print();
    let ratio = Ratio::of(all.yara, all.scan);
    let misses = (ratio < TARGET).then(|| ratio.to_string());
    let promise = format!("a scan reads at least {TARGET} of the bytes a second of YARA alone");
    targets.judge(&promise, misses.into_iter().collect());
    Ok(())
}

/// Microseconds.
#[derive(Default, Clone, Copy)]
struct Took {
    yara: u64,
    /// To expand every file, and to hash the package and each of them.
    unpack: u64,
    scan: u64,
}

impl Took {
    fn and(self, other: Self) -> Self {
        Self {
            yara: self.yara + other.yara,
            unpack: self.unpack + other.unpack,
            scan: self.scan + other.scan,
        }
    }

    fn row(self, name: &str, files: usize, bytes: u64) -> [String; 8] {
        // Bytes in a microsecond are megabytes in a second.
        let rate = |took: u64| (bytes / took.max(1)).to_string();
        [
            name.to_owned(),
            files.to_string(),
            as_mb(bytes),
            rate(self.yara),
            rate(self.unpack),
            rate(self.scan),
            Ratio::of(self.yara, self.scan).to_string(),
            Ratio::of(self.yara + self.unpack, self.scan).to_string(),
        ]
    }
}

/// Median times of YARA alone, of unpacking and of the scan.
fn turns(engine: &Engine, yara: &Rules, package: &Package) -> Result<Took> {
    let packed = fs::read(&package.place)?;
    let (mut alone, mut unpacked, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    // Side by side, so that what disturbs one disturbs the others.
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let matches = yara.matches(package.files.iter().map(Vec::as_slice));
        alone.push(micros(began.elapsed()));
        // Rules for source code find something in noise; the scan asks them about source code alone.
        ensure!(matches.is_some(), "YARA does not get to the end of it");
        let began = Instant::now();
        black_box(Sha256::digest(&packed));
        let unpack = files(&packed)?;
        for content in &unpack {
            black_box(Sha256::digest(content));
        }
        unpacked.push(micros(began.elapsed()));
        drop(unpack);
        let began = Instant::now();
        let report = engine.scan(&packed);
        whole.push(micros(began.elapsed()));
        ensure!(
            report.verdict() == Verdict::Passed,
            "it does not pass: {:?}",
            report.reason_codes()
        );
    }
    Ok(Took {
        yara: median(&mut alone),
        unpack: median(&mut unpacked),
        scan: median(&mut whole),
    })
}

/// The most that a process ever holds that scans the corpus, one package after the other.
async fn memory(rules: &Path, packages: &[Package], memory_mb: u64) -> Result<()> {
    let title = format!("Memory: the most that a process holds (VmHWM), of the {memory_mb} MB of the function");
    let mut table = Table::new(&title, &["", "MB", "of the function's"]);
    let places: Vec<_> = packages.iter().map(|package| package.place.as_path()).collect();
    let largest = packages.iter().map(|package| Ok(fs::metadata(&package.place)?.len()));
    let largest = largest
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .max()
        .unwrap_or_default();
    let name = format!("the corpus scanned, its largest package {} MB", as_mb(largest));
    for (name, packages) in [("the engine loaded", &places[..0]), (&name, &places)] {
        let peak = peak_bytes(rules, packages).await?;
        // Lambda counts in MiB.
        table.row([
            name.to_owned(),
            as_mb(peak),
            Ratio::of(peak, memory_mb << 20).to_string(),
        ]);
    }
    table.print();
    Ok(())
}

async fn peak_bytes(rules: &Path, packages: &[&Path]) -> Result<u64> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .arg(ALONE)
        .arg(rules)
        .args(packages)
        .output()
        .await?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "the scanning process fails: {said}");
    Ok(said.trim().parse()?)
}

/// What the process does whose memory is measured; it prints its peak, in bytes.
pub(crate) fn alone(files: &[String]) -> ExitCode {
    match scan_alone(files) {
        Ok(peak) => {
            line(&peak.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            line(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn scan_alone(files: &[String]) -> Result<u64> {
    let [rules, packages @ ..] = files else {
        bail!("no rules");
    };
    let engine = Engine::new(Config::new(fs::read(rules)?))?;
    for package in packages {
        let report = engine.scan(&fs::read(package)?);
        ensure!(report.verdict() == Verdict::Passed, "{package} does not pass");
    }
    peak(&fs::read_to_string("/proc/self/status")?).context("the system does not say how much memory was held")
}

/// The peak of resident memory, in bytes (proc_pid_status(5)).
fn peak(status: &str) -> Option<u64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kilobytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Rules compiled ahead and deserialised, as the function starts, beside compiling them.
fn start(compiled: &[u8]) -> Result<()> {
    let (mut compiling, mut loading) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let made = scanner::compile_rules()?;
        compiling.push(micros(began.elapsed()));
        ensure!(made.len() > 1, "no rules");
        let config = Config::new(compiled.to_vec());
        let began = Instant::now();
        black_box(Engine::new(config)?);
        loading.push(micros(began.elapsed()));
    }
    let (compiling, loading) = (median(&mut compiling), median(&mut loading));
    let title = format!(
        "Engine: from {} MB of compiled rules to its readiness, beside compiling them (ms)",
        as_mb(u64::try_from(compiled.len())?)
    );
    let mut table = Table::new(&title, &["", "time", "of compiling"]);
    for (name, took) in [("compile the rules", compiling), ("load the compiled rules", loading)] {
        table.row([name.to_owned(), as_ms(took), Ratio::of(took, compiling).to_string()]);
    }
    table.print();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_passes_and_is_the_same_every_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::new(Config::new(scanner::compile_rules().expect("rules"))).expect("an engine");
        let packages = write(&corpus::all(1).expect("contents"), folder.path()).expect("packages");
        for (package, content) in packages.iter().zip(corpus::all(1).expect("contents")) {
            let packed = fs::read(&package.place).expect("a package");
            let again = tempfile::tempdir().expect("a folder");
            let is_the_same = content.pack(again.path()).expect("a package") == packed;
            assert!(is_the_same, "{} differs", package.content_type);
            let report = engine.scan(&packed);
            assert_eq!(report.reason_codes(), [""; 0], "{}", package.content_type);
        }
    }

    #[test]
    fn the_peak_is_told_in_bytes() {
        assert_eq!(
            peak("Name:\tbench\nVmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(peak("Name:\tbench\n"), None);
    }
}
